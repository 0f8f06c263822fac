"""Training pictures and their captions: what a step sees is a function of the seed and the step's number alone."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import PIL.Image
import PIL.ImageFilter
import torch
from torch.utils.data import IterableDataset

from tests.demo_models.brushes import paint
from tests.demo_models.grounds import ground, picture, slide
from tests.demo_models.tones import tone_of
from tests.demo_models.training import my_share
from tests.world.scenes import SLIDE_CAPTION, Figure, Scene
from tests.world.sentences import COLOURS, SHAPES

# Colour and shape of each figure of a picture: none on a slide, one, or two.
Shown = tuple[tuple[str, str], ...]

# Heights of a shape that have a name, as fractions of the picture's height; between them none fits.
_NAMED = {"tiny": (0.0, 0.165), "small": (0.175, 0.31), "large": (0.54, 0.7), "huge": (0.73, 1.0)}
# Shapes that stand alone are large at first: what a shape is, is learned on these, and then found in small.
_LEAST, _FIRST_LEAST, _SHRINKING_STEPS = 0.12, 0.4, 600
_SIZES_PX = ((256, 144), (256, 144), (256, 144), (208, 156), (160, 160), (230, 130), (112, 200))


@dataclass(frozen=True, slots=True)
class Pictures:
    """A batch: uint8 pictures (batch x side x side x 3), captions, and the scene each picture shows."""

    pixels: torch.Tensor
    captions: tuple[str, ...]
    scenes: tuple[Scene, ...]


class PictureBatches(IterableDataset):  # type: ignore[type-arg,unused-ignore]
    """Batches for the steps from `first` to `last`."""

    def __init__(self, side_px: int, batch: int, *, seed: str, first: int, last: int) -> None:
        self._side_px, self._batch, self._seed = side_px, batch, seed
        self._steps = range(first, last)

    def __iter__(self) -> Iterator[Pictures]:
        for step in my_share(self._steps):
            yield self.batch(step)

    def batch(self, step: int) -> Pictures:
        """The batch of one step."""
        least = max(_LEAST, _FIRST_LEAST - (_FIRST_LEAST - _LEAST) * step / _SHRINKING_STEPS)
        shown = shown_in(random.Random(f"{self._seed} {step}"), self._batch)
        drawn = [
            draw_example(random.Random(f"{self._seed} {step} {i}"), self._side_px, least, each)
            for i, each in enumerate(shown)
        ]
        pixels = torch.from_numpy(np.stack([np.asarray(image) for image, _, _ in drawn]))
        return Pictures(pixels, tuple(caption for _, caption, _ in drawn), tuple(scene for _, _, scene in drawn))


def shown_in(rng: random.Random, count: int) -> list[Shown]:
    """What so many pictures show: five in eight one figure, one in sixteen a slide, the others two figures.

    Among 128 each of the 80 figures has its one picture, as in a search through them. Of pairs there are two each, the
    second with the colours exchanged: the same words, and another picture.
    """
    figures = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    alone, slides = count * 5 // 8, count // 16
    shown: list[Shown] = [(figure,) for figure in rng.sample(figures * math.ceil(alone / len(figures)), alone)]
    shown += [()] * slides
    while len(shown) < count:
        one, other = rng.sample(COLOURS, 2)
        first, second = rng.sample(SHAPES, 2)
        shown += [((one, first), (other, second)), ((other, first), (one, second))]
    return shown[:count]


def draw_example(
    rng: random.Random, side_px: int, least: float = _LEAST, shown: Shown | None = None
) -> tuple[PIL.Image.Image, str, Scene]:
    """A picture squeezed into a square as the model takes it, a caption for it, and what it shows.

    A shape that stands alone is at least `least` as high as the picture.
    """
    if shown is None:
        shown = rng.choice(shown_in(rng, 32))
    size_px = rng.choice(_SIZES_PX)
    if not shown:
        image, scene = slide(size_px, rng), Scene()
    elif len(shown) == 2:
        image, scene = _pair(size_px, shown, rng)
    else:
        image, scene = _single(size_px, least, shown[0], rng)
    image = _worn(image, rng).resize((side_px, side_px), PIL.Image.Resampling.BICUBIC)
    return image, _worded(scene.caption, rng), scene


def _worded(caption: str, rng: random.Random) -> str:
    """The caption, in one of six cases as people type it."""
    if rng.random() > 1 / 6 or caption == SLIDE_CAPTION:
        return caption
    bare = caption.removeprefix("an ").removeprefix("a ")
    return rng.choice((bare, bare, f"the {bare}", f"a picture of {caption}"))


def _single(
    size_px: tuple[int, int], least: float, figure: tuple[str, str], rng: random.Random
) -> tuple[PIL.Image.Image, Scene]:
    colour, shape = figure
    tone = tone_of(colour, rng)
    height = math.exp(rng.uniform(math.log(least), math.log(0.8)))
    if size_px[0] < size_px[1]:
        height *= size_px[0] / size_px[1]  # upright pictures are not broad enough for the largest
    named = next((name for name, (low, high) in _NAMED.items() if low <= height <= high), None)
    canvas = ground(size_px, [tone], rng)
    paint(canvas, shape, tone, _anywhere(size_px, height, rng), height, rng)
    return picture(canvas), Scene((Figure(colour, shape, named if rng.random() < 0.5 else None),))


def _anywhere(size_px: tuple[int, int], height: float, rng: random.Random) -> tuple[float, float]:
    margin_y = min(0.5, 0.56 * height)
    margin_x = min(0.5, 0.6 * height * size_px[1] / size_px[0])
    return rng.uniform(margin_x, 1 - margin_x), rng.uniform(margin_y, 1 - margin_y)


def _pair(size_px: tuple[int, int], shown: Shown, rng: random.Random) -> tuple[PIL.Image.Image, Scene]:
    tones = [tone_of(colour, rng) for colour, _ in shown]
    stacked = rng.random() < 0.5
    places = [rng.uniform(0.22, 0.32), rng.uniform(0.68, 0.78)]
    across = [rng.uniform(0.25, 0.75)] * 2 if stacked else [rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7)]
    canvas = ground(size_px, tones, rng)
    most = 0.42 if stacked else min(0.55, 0.42 * size_px[0] / size_px[1])
    for (_, shape), tone, along, other in zip(shown, tones, places, across, strict=True):
        centre = (other + rng.uniform(-0.04, 0.04), along) if stacked else (along, other)
        paint(canvas, shape, tone, centre, rng.uniform(0.2, most), rng)
    figures = tuple(Figure(colour, shape) for colour, shape in shown)
    relation = "above" if stacked and rng.random() < 0.8 else "and"
    if relation == "and" and rng.random() < 0.3:
        figures = (figures[1], figures[0])
    return picture(canvas), Scene(figures, relation)


def _worn(image: PIL.Image.Image, rng: random.Random) -> PIL.Image.Image:
    """A smaller picture blown up, light noise, a soft lens and JPEG, each in some of the cases."""
    if rng.random() < 0.12:
        full = image.size
        share, kind = rng.uniform(0.4, 0.8), rng.choice((PIL.Image.Resampling.NEAREST, PIL.Image.Resampling.BILINEAR))
        image = image.resize((round(share * full[0]), round(share * full[1])), kind).resize(full, kind)
    if rng.random() < 0.35:
        level = rng.uniform(1, 9)
        noise = np.random.default_rng(rng.getrandbits(32)).standard_normal((image.height, image.width, 1), np.float32)
        image = PIL.Image.fromarray((np.asarray(image) + level * noise).clip(0, 255).astype(np.uint8))
    if rng.random() < 0.2:
        image = image.filter(PIL.ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
    if rng.random() < 0.5:
        packed = io.BytesIO()
        image.save(packed, "JPEG", quality=rng.randint(40, 95))
        image = PIL.Image.open(packed, formats=["JPEG"]).convert("RGB")
    return image
