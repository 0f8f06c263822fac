"""The training's first renderer: shapes as signed distances. Neither it nor `polygons` draws the tests' pictures.

Every shape comes in many cuts (thin and stout crosses, pointed and plump stars), so that the model learns the shape and
not one drawing of it. Distances: https://iquilezles.org/articles/distfunctions2d/
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]
# Distance to the outline at points x, y (x to the right, y upwards, the shape about 1 high), negative inside.
Distance = Callable[[Plane, Plane], Plane]
_Corners = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a shape goes in an area (rows, columns): its middle, its height in pixels, its turn in radians."""

    size_px: tuple[int, int]
    x_px: float
    y_px: float
    scale_px: float
    turn: float


def by_distance(shape: str, spot: Spot, rng: random.Random) -> Plane:
    """How much of every pixel of the area the shape covers."""
    rows, columns = spot.size_px
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    x, y = (x + 0.5 - spot.x_px) / spot.scale_px, (spot.y_px - y - 0.5) / spot.scale_px
    x, y = x * math.cos(spot.turn) + y * math.sin(spot.turn), y * math.cos(spot.turn) - x * math.sin(spot.turn)
    distance = outline(shape, rng)(x.astype(np.float32), y.astype(np.float32))
    return np.clip(0.5 - distance * np.float32(spot.scale_px), 0, 1)


def outline(shape: str, rng: random.Random) -> Distance:
    """One cut of a shape. Raises KeyError where there is no such shape."""
    return _CUTS[shape](rng)


def _circle(_: random.Random) -> Distance:
    return lambda x, y: np.hypot(x, y) - np.float32(0.5)


def _ring(rng: random.Random) -> Distance:
    inner = rng.uniform(0.4, 0.84) / 2
    middle, half = np.float32((0.5 + inner) / 2), np.float32((0.5 - inner) / 2)
    return lambda x, y: np.abs(np.hypot(x, y) - middle) - half


def _polygon(corners: _Corners) -> Distance:
    def distance(x: Plane, y: Plane) -> Plane:
        nearest = np.full_like(x, np.inf)
        inside = np.zeros(x.shape, bool)
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            ex, ey = bx - ax, by - ay
            along = np.clip(((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey), 0, 1)
            nearest = np.minimum(nearest, (x - ax - along * ex) ** 2 + (y - ay - along * ey) ** 2)
            if ay != by:
                inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * ex / ey)
        return np.where(inside, -1, 1).astype(np.float32) * np.sqrt(nearest)

    return distance


def _square(_: random.Random) -> Distance:
    return _polygon([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])


def _triangle(rng: random.Random) -> Distance:
    half = rng.choice((0.5, 0.577, rng.uniform(0.42, 0.65)))  # equilateral: 0.577
    return _polygon([(-half, -0.5), (half, -0.5), (0.0, 0.5)])


def _star(rng: random.Random) -> Distance:
    inner = rng.uniform(0.34, 0.56)
    radii = [0.53 * (inner if corner % 2 else 1.0) for corner in range(10)]
    return _polygon([(r * math.sin(math.pi * i / 5), r * math.cos(math.pi * i / 5)) for i, r in enumerate(radii)])


def _cross(rng: random.Random) -> Distance:
    """A plus; one in six is a Latin cross, its bar higher up and shorter; one in twelve stands on two feet."""
    a, b = rng.uniform(0.07, 0.22), 0.5
    kind = rng.random()
    if kind < 1 / 6:
        a, side, up = rng.uniform(0.06, 0.12), rng.uniform(0.3, 0.4), rng.uniform(0.1, 0.2)
    else:
        side, up = b, 0.0
    right = [(a, b), (a, up + a), (side, up + a), (side, up - a), (a, up - a), (a, -b)]
    corners = right + [(-x, y) for x, y in reversed(right)]
    if kind > 11 / 12:
        corners = [(0.75 * (x - y), 0.75 * (x + y)) for x, y in corners]
    return _polygon(corners)


def _heart(rng: random.Random) -> Distance:
    """The curve of sines in various widths, or two half circles above a point."""
    steps = 36
    if rng.random() < 0.6:
        width = rng.uniform(0.9, 1.12) / 29
        angles = [math.tau * i / steps for i in range(steps)]
        heights = [13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t) for t in angles]
        return _polygon([(16 * width * math.sin(t) ** 3, (h + 2.5) / 29) for t, h in zip(angles, heights, strict=True)])
    lobe, top = 0.27, 0.23
    arc = [math.pi * (0.82 - i / 12) for i in range(11)]
    left = [(-lobe + lobe * 1.02 * math.cos(t), top + lobe * math.sin(t)) for t in [math.pi * 1.15, *arc]]
    left = [point for point in left if point[0] <= 0]
    return _polygon([(0.0, -0.5), *left, *[(-x, y) for x, y in reversed(left)]])


def _arrow(rng: random.Random) -> Distance:
    """To the right as a rule, sometimes to the left, up or down; slim to stout."""
    length, shaft = rng.uniform(0.45, 0.66), rng.uniform(0.05, 0.19)
    head = max(shaft + 0.1, rng.uniform(0.2, 0.5))
    neck = length - min(rng.uniform(0.8, 1.6) * head, 1.2 * length)
    upper = [(-length, shaft), (neck, shaft), (neck, head), (length, 0.0)]
    corners = upper + [(x, -y) for x, y in reversed(upper[:3])]
    turn = rng.choices((0, 1, 2, 3), (0.7, 0.1, 0.1, 0.1))[0]
    for _ in range(turn):
        corners = [(-y, x) for x, y in corners]
    return _polygon(corners)


_CUTS: dict[str, Callable[[random.Random], Distance]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "heart": _heart,
    "ring": _ring,
    "arrow": _arrow,
}
