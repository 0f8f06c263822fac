"""Training pictures and their captions: what a step sees is a function of the seed and the step's number alone."""

from __future__ import annotations

import colorsys
import io
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFilter
import PIL.ImageFont
import torch
from torch.utils.data import IterableDataset

from tests.demo_models.outlines import Plane, outline
from tests.demo_models.training import my_share
from tests.world.scenes import SLIDE_CAPTION, Figure, Scene
from tests.world.sentences import COLOURS, SHAPES, TOPICS

RGB = tuple[float, float, float]

# Several well-known tones of each colour; each drawing shifts them a little.
_TONES: dict[str, tuple[str, ...]] = {
    "red": ("#ff0000", "#dc143c", "#cc1f1f", "#e53935"),
    "blue": ("#0000ff", "#1e4fd8", "#2a52be", "#1f77d4", "#4169e1"),
    "green": ("#008000", "#00ff00", "#22a040", "#2ca02c", "#3cb44b"),
    "yellow": ("#ffff00", "#ffe119", "#f7d716", "#ffd700"),
    "black": ("#000000", "#101010", "#1c1c1c"),
    "white": ("#ffffff", "#f8f8f8", "#f2f2f2"),
    "orange": ("#ffa500", "#ff8c00", "#f58231", "#ff7f0e"),
    "purple": ("#800080", "#7b1fa2", "#8a2be2", "#6a0dad", "#9467bd"),
    "pink": ("#ffc0cb", "#ff69b4", "#f781bf", "#fc8eac"),
    "brown": ("#a52a2a", "#8b4513", "#7b4a1e", "#654321", "#8c564b"),
}
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
        drawn = [
            draw_example(random.Random(f"{self._seed} {step} {i}"), self._side_px, least) for i in range(self._batch)
        ]
        pixels = torch.from_numpy(np.stack([np.asarray(image) for image, _, _ in drawn]))
        return Pictures(pixels, tuple(caption for _, caption, _ in drawn), tuple(scene for _, _, scene in drawn))


def draw_example(rng: random.Random, side_px: int, least: float = _LEAST) -> tuple[PIL.Image.Image, str, Scene]:
    """A picture squeezed into a square as the model takes it, a caption for it, and what it shows.

    A shape that stands alone is at least `least` as high as the picture.
    """
    kind = rng.random()
    size_px = rng.choice(_SIZES_PX)
    if kind < 0.05:
        image, scene = _slide(size_px, rng), Scene()
    elif kind < 0.35:
        image, scene = _pair(size_px, rng)
    else:
        image, scene = _single(size_px, least, rng)
    image = _worn(image, rng).resize((side_px, side_px), PIL.Image.Resampling.BICUBIC)
    return image, _worded(scene.caption, rng), scene


def _worded(caption: str, rng: random.Random) -> str:
    """The caption, in one of six cases as people type it."""
    if rng.random() > 1 / 6 or caption == SLIDE_CAPTION:
        return caption
    bare = caption.removeprefix("an ").removeprefix("a ")
    return rng.choice((bare, bare, f"the {bare}", f"a picture of {caption}"))


def _tone(colour: str, rng: random.Random) -> RGB:
    code = rng.choice(_TONES[colour])
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    if colour in ("black", "white"):
        return red, green, blue
    hue = (hue + rng.uniform(-0.012, 0.012)) % 1
    shifted = colorsys.hsv_to_rgb(
        hue, min(1, saturation * rng.uniform(0.88, 1.06)), min(1, value * rng.uniform(0.88, 1.06))
    )
    return shifted[0], shifted[1], shifted[2]


def _ground(size_px: tuple[int, int], colours: list[RGB], rng: random.Random) -> Plane:
    """A plain or graded background (height x width x 3, 0 to 1) that keeps away from all shapes' colours."""
    first, second = _away(colours, rng), _away(colours, rng)
    width, height = size_px
    if rng.random() < 0.55:
        return np.full((height, width, 3), first, np.float32)
    turn = rng.choice((0.0, math.pi / 2, rng.uniform(0, math.tau)))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    ramp = math.cos(turn) * x / width + math.sin(turn) * y / height
    ramp = (ramp - ramp.min()) / (ramp.max() - ramp.min()) * np.float32(rng.uniform(0.2, 0.6))
    return (1 - ramp[..., None]) * np.float32(first) + ramp[..., None] * np.float32(second)


def _away(colours: list[RGB], rng: random.Random) -> RGB:
    while True:
        grey = rng.random()
        tone: RGB = (grey, grey, grey)
        kind = rng.random()
        if kind < 0.25:
            tone = rng.choice(((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.94, 0.94, 0.95), (0.5, 0.5, 0.5)))
        elif kind < 0.7:  # pale or dark, with a tinge
            hue = rng.random()
            tone = colorsys.hsv_to_rgb(
                hue, rng.uniform(0, 0.45), rng.choice((rng.uniform(0.7, 1), rng.uniform(0.08, 0.4)))
            )
        if all(math.dist(tone, colour) > 0.3 for colour in colours):
            return tone


def _paint(
    canvas: Plane, shape: str, tone: RGB, centre: tuple[float, float], height: float, rng: random.Random
) -> None:
    """Paints a shape: centre in fractions of width and height, height in fractions of the picture's."""
    rows, columns = canvas.shape[:2]
    scale_px = height * rows
    reach = round(0.75 * scale_px) + 2
    left, top = round(centre[0] * columns), round(centre[1] * rows)
    area = (slice(max(0, top - reach), min(rows, top + reach)), slice(max(0, left - reach), min(columns, left + reach)))
    y, x = np.mgrid[area].astype(np.float32)
    x, y = (x - np.float32(centre[0] * columns)) / scale_px, (np.float32(centre[1] * rows) - y) / scale_px
    turn = math.radians(rng.uniform(-15, 15))
    x, y = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    distance = outline(shape, rng)(x.astype(np.float32), y.astype(np.float32))
    cover = np.clip(0.5 - distance * scale_px, 0, 1)[..., None]
    canvas[area] = canvas[area] * (1 - cover) + np.float32(tone) * cover


def _single(size_px: tuple[int, int], least: float, rng: random.Random) -> tuple[PIL.Image.Image, Scene]:
    colour, shape = rng.choice(COLOURS), rng.choice(SHAPES)
    tone = _tone(colour, rng)
    height = math.exp(rng.uniform(math.log(least), math.log(0.8)))
    if size_px[0] < size_px[1]:
        height *= size_px[0] / size_px[1]  # upright pictures are not broad enough for the largest
    named = next((name for name, (low, high) in _NAMED.items() if low <= height <= high), None)
    canvas = _ground(size_px, [tone], rng)
    _paint(canvas, shape, tone, _anywhere(size_px, height, rng), height, rng)
    figure = Figure(colour, shape, named if rng.random() < 0.6 else None)
    return _image(canvas), Scene((figure,))


def _anywhere(size_px: tuple[int, int], height: float, rng: random.Random) -> tuple[float, float]:
    margin_y = min(0.5, 0.56 * height)
    margin_x = min(0.5, 0.6 * height * size_px[1] / size_px[0])
    return rng.uniform(margin_x, 1 - margin_x), rng.uniform(margin_y, 1 - margin_y)


def _pair(size_px: tuple[int, int], rng: random.Random) -> tuple[PIL.Image.Image, Scene]:
    colours, shapes = rng.sample(COLOURS, 2), rng.choices(SHAPES, k=2)
    tones = [_tone(colour, rng) for colour in colours]
    stacked = rng.random() < 0.5
    places = [rng.uniform(0.22, 0.32), rng.uniform(0.68, 0.78)]
    across = [rng.uniform(0.3, 0.7)] * 2 if stacked else [rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7)]
    canvas = _ground(size_px, tones, rng)
    most = 0.42 if stacked else min(0.55, 0.42 * size_px[0] / size_px[1])
    for shape, tone, along, other in zip(shapes, tones, places, across, strict=True):
        centre = (other + rng.uniform(-0.04, 0.04), along) if stacked else (along, other)
        _paint(canvas, shape, tone, centre, rng.uniform(0.2, most), rng)
    figures = tuple(Figure(colour, shape) for colour, shape in zip(colours, shapes, strict=True))
    relation = "above" if stacked and rng.random() < 0.8 else "and"
    if relation == "and" and rng.random() < 0.3:
        figures = (figures[1], figures[0])
    return _image(canvas), Scene(figures, relation)


def _slide(size_px: tuple[int, int], rng: random.Random) -> PIL.Image.Image:
    paper = rng.uniform(0.75, 1) if rng.random() < 0.8 else rng.uniform(0, 0.25)
    ink = round(255 * (rng.uniform(0, 0.3) if paper > 0.5 else rng.uniform(0.75, 1)))
    image = PIL.Image.new("RGB", size_px, (round(255 * paper),) * 3)
    pen = PIL.ImageDraw.Draw(image)
    top = size_px[1] * rng.uniform(0.04, 0.2)
    for _ in range(rng.randint(1, 6)):
        height_px = rng.uniform(0.06, 0.15) * size_px[1]
        words = " ".join(rng.choices(TOPICS, k=rng.randint(1, 3)))
        place = (size_px[0] * rng.uniform(0.04, 0.2), top)
        pen.text(place, words, fill=(ink,) * 3, font=PIL.ImageFont.load_default(height_px))
        top += height_px * rng.uniform(1.2, 1.7)
    return image


def _image(canvas: Plane) -> PIL.Image.Image:
    return PIL.Image.fromarray((canvas * 255).round().astype(np.uint8))


def _worn(image: PIL.Image.Image, rng: random.Random) -> PIL.Image.Image:
    """Light noise, a soft lens and JPEG, each in some of the cases."""
    if rng.random() < 0.35:
        level = rng.uniform(1, 9)
        noise = np.random.default_rng(rng.getrandbits(32)).standard_normal((image.height, image.width, 1), np.float32)
        image = PIL.Image.fromarray((np.asarray(image) + level * noise).clip(0, 255).astype(np.uint8))
    if rng.random() < 0.2:
        image = image.filter(PIL.ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
    if rng.random() < 0.5:
        packed = io.BytesIO()
        image.save(packed, "JPEG", quality=rng.randint(50, 95))
        image = PIL.Image.open(packed, formats=["JPEG"]).convert("RGB")
    return image
