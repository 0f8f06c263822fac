"""The training's second renderer: Pillow's polygons and ellipses, with and without smooth edges, in cuts of its own."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import PIL.Image
import PIL.ImageDraw

from tests.demo_models.outlines import Plane, Spot

_Corners = list[tuple[float, float]]


class Pen:
    """Draws on a mask in a shape's own units: x to the right, y upwards, about 1 high, turned as the spot says."""

    def __init__(self, spot: Spot, finer: int) -> None:
        self._spot, self._finer = spot, finer
        rows, columns = spot.size_px
        self.mask = PIL.Image.new("L", (columns * finer, rows * finer), 0)
        self._draw = PIL.ImageDraw.Draw(self.mask)

    def polygon(self, corners: _Corners) -> None:
        """Fills it."""
        self._draw.polygon([self._pixel(*corner) for corner in corners], fill=255)

    def disc(self, x: float, y: float, radius: float, *, hole: bool = False) -> None:
        """Fills a circle, or empties it."""
        left, top = self._pixel(x, y)
        reach = radius * self._spot.scale_px * self._finer
        self._draw.ellipse([left - reach, top - reach, left + reach, top + reach], fill=0 if hole else 255)

    def _pixel(self, x: float, y: float) -> tuple[float, float]:
        spot = self._spot
        across, up = (
            x * math.cos(spot.turn) - y * math.sin(spot.turn),
            x * math.sin(spot.turn) + y * math.cos(spot.turn),
        )
        return (spot.x_px + spot.scale_px * across) * self._finer, (spot.y_px - spot.scale_px * up) * self._finer


def by_polygons(shape: str, spot: Spot, rng: random.Random) -> Plane:
    """How much of every pixel of the area the shape covers; in two of five cases all or nothing."""
    finer = rng.choices((1, 2, 4), (40, 30, 30))[0]
    pen = Pen(spot, finer)
    _CUTS[shape](pen, rng)
    rows, columns = spot.size_px
    return np.asarray(pen.mask.resize((columns, rows), PIL.Image.Resampling.BOX), np.float32) / 255


def _circle(pen: Pen, _: random.Random) -> None:
    pen.disc(0, 0, 0.5)


def _ring(pen: Pen, rng: random.Random) -> None:
    pen.disc(0, 0, 0.5)
    pen.disc(0, 0, 0.5 * rng.uniform(0.4, 0.85), hole=True)


def _square(pen: Pen, rng: random.Random) -> None:
    half = rng.uniform(0.42, 0.5)
    pen.polygon([(-half, -half), (half, -half), (half, half), (-half, half)])


def _triangle(pen: Pen, rng: random.Random) -> None:
    """With two equal sides as a rule; sometimes leaning, sometimes flat."""
    half, top = rng.choice((0.5, 0.577, rng.uniform(0.4, 0.68))), rng.choice((0.5, 0.5, rng.uniform(0.3, 0.5)))
    lean = rng.uniform(-0.5, 0.5) * half if rng.random() < 0.2 else 0.0
    pen.polygon([(-half, -0.45), (half, -0.45), (lean, top)])


def _star(pen: Pen, rng: random.Random) -> None:
    inner, points = rng.choice((0.382, 0.4, 0.5, rng.uniform(0.33, 0.57))), rng.choices((5, 6), (94, 6))[0]
    radii = [0.53 * (inner if corner % 2 else 1.0) for corner in range(2 * points)]
    pen.polygon([(r * math.sin(math.pi * i / points), r * math.cos(math.pi * i / points)) for i, r in enumerate(radii)])


def _cross(pen: Pen, rng: random.Random) -> None:
    """Two bars; one in ten has the upright longer, one in eight stands on two feet."""
    arm, side, up = rng.uniform(0.07, 0.21), 0.5, 0.0
    if rng.random() < 0.1:
        side, up = rng.uniform(0.3, 0.4), rng.uniform(0.05, 0.18)
    turn = math.pi / 4 if rng.random() < 0.125 else 0.0
    for left, right, bottom, top in ((-arm, arm, -0.5, 0.5), (-side, side, up - arm, up + arm)):
        corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
        pen.polygon(_turned(corners, turn))


def _heart(pen: Pen, rng: random.Random) -> None:
    """Two discs over a triangle, or two Bézier curves."""
    if rng.random() < 0.5:
        radius = rng.uniform(0.24, 0.29)
        middle, up = radius * rng.uniform(0.86, 1), 0.48 - radius
        for side in (-1, 1):
            pen.disc(side * middle, up, radius)
        reach = middle + 0.92 * radius
        pen.polygon([(-reach, up - 0.38 * radius), (0, up + 0.2 * radius), (reach, up - 0.38 * radius), (0, -0.5)])
        return
    dip, broad = rng.uniform(0.2, 0.33), rng.uniform(0.62, 0.95)
    pulls = ((0.0, -0.5), (broad, rng.uniform(-0.1, 0.12)), (rng.uniform(0.3, 0.5), rng.uniform(0.6, 0.78)), (0.0, dip))
    right = [_bezier(pulls, step / 24) for step in range(25)]
    pen.polygon(right + [(-x, y) for x, y in reversed(right)])


def _arrow(pen: Pen, rng: random.Random) -> None:
    """To the right as a rule; its head a triangle, a barb or two strokes; slim to stout."""
    half, shaft = rng.uniform(0.45, 0.65), rng.uniform(0.05, 0.2)
    head = shaft + rng.uniform(0.1, 0.3)
    length = min(rng.uniform(0.8, 1.8) * head, 1.2 * half)
    turn = rng.choices((0, 1, 2, 3), (0.7, 0.1, 0.1, 0.1))[0] * math.pi / 2
    neck = half - length
    kind = rng.random()
    if kind < 0.15:  # two strokes
        thick = max(1.6 * shaft, 0.12)
        tip = [(half, 0.0), (neck, head), (neck - 0.7 * thick, head - 0.7 * thick), (half - 1.6 * thick, 0.0)]
        pen.polygon(_turned(tip, turn))
        pen.polygon(_turned([(x, -y) for x, y in tip], turn))
        neck = half - 1.2 * thick
    else:
        notch = neck + (rng.uniform(0.1, 0.35) * length if kind < 0.35 else 0.0)
        pen.polygon(_turned([(half, 0.0), (neck, head), (notch, 0.0), (neck, -head)], turn))
        neck = notch + 0.02
    pen.polygon(_turned([(-half, -shaft), (neck, -shaft), (neck, shaft), (-half, shaft)], turn))


def _turned(corners: _Corners, turn: float) -> _Corners:
    cos, sin = math.cos(turn), math.sin(turn)
    return [(x * cos - y * sin, x * sin + y * cos) for x, y in corners]


def _bezier(pulls: tuple[tuple[float, float], ...], share: float) -> tuple[float, float]:
    weights = ((1 - share) ** 3, 3 * share * (1 - share) ** 2, 3 * share**2 * (1 - share), share**3)
    x, y = (sum(weight * pull[axis] for weight, pull in zip(weights, pulls, strict=True)) for axis in (0, 1))
    return x, y


_CUTS: dict[str, Callable[[Pen, random.Random], None]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "heart": _heart,
    "ring": _ring,
    "arrow": _arrow,
}
