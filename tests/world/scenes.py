"""The pictures of the small world: what a scene shows, and its caption. `drawing` has the strokes."""

from __future__ import annotations

import random
from dataclasses import dataclass

import PIL.Image

from tests.world.drawing import Placed, draw_shapes, draw_text_slide
from tests.world.sentences import COLOURS, SHAPES, SIZES, TOPICS, with_article

SLIDE_CAPTION = "a slide with text"
# Height of a shape as a fraction of the picture's height.
_HEIGHTS: dict[str | None, tuple[float, float]] = {
    "tiny": (0.12, 0.14),
    "small": (0.21, 0.26),
    None: (0.38, 0.48),
    "large": (0.6, 0.66),
    "huge": (0.76, 0.8),
}
# Of one of two shapes: above each other they must share the height.
_PAIR_HEIGHTS = {"and": (0.36, 0.5), "above": (0.28, 0.36)}
_MAX_ROTATION_DEGREES = 15.0


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Figure:
    """One coloured shape; `size` is None where the caption does not name it."""

    colour: str
    shape: str
    size: str | None = None

    def __post_init__(self) -> None:
        if self.colour not in COLOURS or self.shape not in SHAPES or self.size not in (None, *SIZES):
            raise ValueError(f"not of this world: size {self.size!r}, colour {self.colour!r}, shape {self.shape!r}")

    @property
    def caption(self) -> str:
        """For example "a red circle", or "a small blue square" where it has a size."""
        return with_article(" ".join(word for word in (self.size, self.colour, self.shape) if word))


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Scene:
    """One picture: no figure (a slide with text), one, or two joined by "and" or "above" (the first is on top)."""

    figures: tuple[Figure, ...] = ()
    relation: str = "and"

    def __post_init__(self) -> None:
        if len(self.figures) > 2 or self.relation not in _PAIR_HEIGHTS:
            raise ValueError(f"{len(self.figures)} figures (at most 2) joined by {self.relation!r} ('and', 'above')")

    @property
    def caption(self) -> str:
        """The scene in the world's words: "a red circle above a blue square"."""
        return f" {self.relation} ".join(figure.caption for figure in self.figures) or SLIDE_CAPTION


def random_scene(rng: random.Random, *, single_objects: bool = False) -> Scene:
    """A scene with one shape; unless `single_objects`, one in four has two and one in twenty is a slide with text."""
    kind = 1.0 if single_objects else rng.random()
    if kind < 0.05:
        return Scene()
    if kind < 0.3:
        colours, shapes = rng.sample(COLOURS, 2), rng.sample(SHAPES, 2)
        figures = tuple(Figure(colour, shape) for colour, shape in zip(colours, shapes, strict=True))
        return Scene(figures, rng.choice(tuple(_PAIR_HEIGHTS)))
    size = rng.choice(SIZES) if rng.random() < 0.3 else None
    return Scene((Figure(rng.choice(COLOURS), rng.choice(SHAPES), size),))


def draw_scene(scene: Scene, rng: random.Random) -> PIL.Image.Image:
    """The scene as a 640 x 360 RGB picture; `rng` decides on positions, rotation, background and a slide's words."""
    if not scene.figures:
        return draw_text_slide(rng.sample(TOPICS, rng.randint(3, 5)), rng)
    if len(scene.figures) == 1:
        return draw_shapes([_place_alone(scene.figures[0], rng)], rng)
    return draw_shapes(_place_pair(scene, rng), rng)


def _place_alone(figure: Figure, rng: random.Random) -> Placed:
    height = rng.uniform(*_HEIGHTS[figure.size])
    # A square turned by 15 degrees is 1.22 times as wide: half of that, and a little air.
    margin_y = min(0.5, 0.62 * height + 0.01)
    margin_x = margin_y * 9 / 16
    centre = (rng.uniform(margin_x, 1 - margin_x), rng.uniform(margin_y, 1 - margin_y))
    return Placed(figure.colour, figure.shape, centre, height, _rotation(rng))


def _place_pair(scene: Scene, rng: random.Random) -> list[Placed]:
    if scene.relation == "above":
        x = rng.uniform(0.3, 0.7)
        centres = [(x, 0.27), (x + rng.uniform(-0.04, 0.04), 0.74)]
    else:
        centres = [(0.27, rng.uniform(0.35, 0.65)), (0.73, rng.uniform(0.35, 0.65))]
    low, high = _PAIR_HEIGHTS[scene.relation]
    return [
        Placed(figure.colour, figure.shape, centre, rng.uniform(low, high), _rotation(rng))
        for figure, centre in zip(scene.figures, centres, strict=True)
    ]


def _rotation(rng: random.Random) -> float:
    return rng.uniform(-_MAX_ROTATION_DEGREES, _MAX_ROTATION_DEGREES)
