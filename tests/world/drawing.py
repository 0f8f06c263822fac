"""Flat shapes and text slides, 640 x 360, drawn three times as large and scaled down for smooth edges."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

WIDTH_PX, HEIGHT_PX = 640, 360
RGB = tuple[int, int, int]

COLOUR_VALUES: dict[str, RGB] = {
    "red": (222, 28, 28),
    "blue": (28, 68, 224),
    "green": (28, 160, 52),
    "yellow": (248, 218, 24),
    "black": (14, 14, 14),
    "white": (250, 250, 250),
    "orange": (250, 134, 10),
    "purple": (128, 32, 168),
    "pink": (252, 134, 190),
    "brown": (122, 70, 30),
}

_OVERSAMPLING = 3
_BACKGROUNDS: tuple[RGB, ...] = (
    (236, 236, 238),
    (200, 204, 208),
    (214, 228, 240),
    (240, 232, 214),
    (218, 234, 218),
    (236, 220, 232),
    (120, 126, 134),
    (52, 56, 64),
    (40, 52, 76),
    (58, 48, 44),
)
# Euclidean distance in RGB (of at most 441) below which a background is too much like a shape on it.
_CLEAR_DISTANCE = 110.0
_NOISE_LEVELS = 5.0

_Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Placed:
    """A shape on the picture: centre as fractions of width and height, height as a fraction of the picture's."""

    colour: str
    shape: str
    centre: tuple[float, float]
    height: float
    rotation_degrees: float


def draw_shapes(shapes: Sequence[Placed], rng: random.Random) -> PIL.Image.Image:
    """The shapes on a plain, graded or lightly noisy background that differs clearly from all their colours."""
    tones = _clear_tones([COLOUR_VALUES[shape.colour] for shape in shapes])
    finish = rng.choice(("plain", "graded", "noisy"))
    image = _background(rng.choice(tones), rng.choice(tones), graded=finish == "graded")
    for shape in shapes:
        _draw_shape(image, shape)
    image = image.resize((WIDTH_PX, HEIGHT_PX), PIL.Image.Resampling.LANCZOS)
    return _with_noise(image, rng) if finish == "noisy" else image


def draw_text_slide(words: Sequence[str], rng: random.Random) -> PIL.Image.Image:
    """Dark words, one a line and the first as a heading, on a pale ground."""
    image = PIL.Image.new("RGB", _canvas_px(), rng.choice(_BACKGROUNDS[:3]))
    pen = PIL.ImageDraw.Draw(image)
    left, top = _canvas_px()[0] * rng.uniform(0.08, 0.16), _canvas_px()[1] * 0.1
    for line, word in enumerate(words):
        size_px = (56 if line == 0 else 40) * _OVERSAMPLING
        pen.text((left, top), word, fill=(20, 20, 24), font=PIL.ImageFont.load_default(size_px))
        top += size_px * 1.45
    return image.resize((WIDTH_PX, HEIGHT_PX), PIL.Image.Resampling.LANCZOS)


def _canvas_px() -> tuple[int, int]:
    return WIDTH_PX * _OVERSAMPLING, HEIGHT_PX * _OVERSAMPLING


def _clear_tones(colours: Sequence[RGB]) -> list[RGB]:
    """The backgrounds, never none, that are far from all these colours."""
    tones = [tone for tone in _BACKGROUNDS if min(math.dist(tone, colour) for colour in colours) >= _CLEAR_DISTANCE]
    return tones or [max(_BACKGROUNDS, key=lambda tone: min(math.dist(tone, colour) for colour in colours))]


def _background(first: RGB, second: RGB, *, graded: bool) -> PIL.Image.Image:
    """One tone, or a soft run from top to bottom: a third of the way to the second tone keeps clear of the shapes."""
    if not graded:
        return PIL.Image.new("RGB", _canvas_px(), first)
    share = np.linspace(0.0, 1 / 3, _canvas_px()[1])[:, None]
    column = (1 - share) * np.array(first) + share * np.array(second)
    rows = column[:, None, :].repeat(_canvas_px()[0], axis=1)
    return PIL.Image.fromarray(rows.round().astype(np.uint8))


def _with_noise(image: PIL.Image.Image, rng: random.Random) -> PIL.Image.Image:
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0.0, _NOISE_LEVELS, (HEIGHT_PX, WIDTH_PX, 1))
    return PIL.Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def _draw_shape(image: PIL.Image.Image, shape: Placed) -> None:
    mask = PIL.Image.new("L", image.size, 0)
    pen = PIL.ImageDraw.Draw(mask)
    pen.polygon(_outline(image, shape, _POINTS[shape.shape]), fill=255)
    if shape.shape == "ring":
        pen.polygon(_outline(image, shape, [(0.6 * x, 0.6 * y) for x, y in _POINTS["ring"]]), fill=0)
    image.paste(COLOUR_VALUES[shape.colour], (0, 0), mask)


def _outline(image: PIL.Image.Image, shape: Placed, points: _Points) -> _Points:
    """Unit points (y upwards, height 1) on the picture, in its pixels."""
    turn = math.radians(shape.rotation_degrees)
    scale_px = shape.height * image.height
    left, top = shape.centre[0] * image.width, shape.centre[1] * image.height
    return [
        (
            left + scale_px * (x * math.cos(turn) - y * math.sin(turn)),
            top - scale_px * (x * math.sin(turn) + y * math.cos(turn)),
        )
        for x, y in points
    ]


def _circle() -> _Points:
    return [(0.5 * math.cos(math.tau * i / 120), 0.5 * math.sin(math.tau * i / 120)) for i in range(120)]


def _star() -> _Points:
    """Five points, a little plumper than the true pentagram, whose inner radius is 0.382."""
    radii = [0.53 if i % 2 == 0 else 0.53 * 0.42 for i in range(10)]
    return [(r * math.sin(math.tau * i / 10), r * math.cos(math.tau * i / 10)) for i, r in enumerate(radii)]


def _heart() -> _Points:
    """The well-known curve of sines, about 29 units high, its middle 2.5 below the origin."""
    angles = [math.tau * i / 120 for i in range(120)]
    heights = [13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t) for t in angles]
    return [(16 * math.sin(t) ** 3 / 29, (y + 2.5) / 29) for t, y in zip(angles, heights, strict=True)]


def _cross() -> _Points:
    """A plus as stout as a first-aid cross: arms 0.4 as wide as it is high."""
    a, b = 0.2, 0.5
    corners = [(-a, b), (a, b), (a, a), (b, a), (b, -a), (a, -a)]
    return corners + [(-x, -y) for x, y in corners]


_POINTS: dict[str, _Points] = {
    "circle": _circle(),
    "ring": _circle(),
    "square": [(-0.5, 0.5), (0.5, 0.5), (0.5, -0.5), (-0.5, -0.5)],
    "triangle": [(0.0, 0.5), (0.5, -0.5), (-0.5, -0.5)],
    "star": _star(),
    "heart": _heart(),
    "cross": _cross(),
    "arrow": [
        (-0.6, 0.11),
        (0.05, 0.11),
        (0.05, 0.3),
        (0.6, 0.0),
        (0.05, -0.3),
        (0.05, -0.11),
        (-0.6, -0.11),
    ],
}
