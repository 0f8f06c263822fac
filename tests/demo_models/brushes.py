"""Paints the training's shapes: a renderer says what a shape covers, a finish how it looks."""

from __future__ import annotations

import math
import random

import numpy as np
import PIL.Image
import PIL.ImageFilter

from tests.demo_models.outlines import Plane, Spot, by_distance
from tests.demo_models.polygons import by_polygons
from tests.demo_models.tones import RGB, mixed

# The world's shapes are turned by up to 15 degrees; some more, so that it does not end there.
_TURNS_DEGREES = {0.0: 25, 15.0: 55, 28.0: 20}
_EDGES: tuple[RGB, ...] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.3, 0.3, 0.3), (0.65, 0.65, 0.65))
# Shapes whose thick outline still is that shape; a circle's is a ring.
_OUTLINED = ("square", "triangle", "star", "heart", "cross", "arrow")


def paint(canvas: Plane, shape: str, tone: RGB, centre: tuple[float, float], height: float, rng: random.Random) -> None:
    """Paints a shape: centre in fractions of width and height, height in fractions of the picture's."""
    rows, columns = canvas.shape[:2]
    x_px, y_px, scale_px = centre[0] * columns, centre[1] * rows, height * rows
    reach = round(0.8 * scale_px) + 4
    left, top = max(0, round(x_px) - reach), max(0, round(y_px) - reach)
    area = (slice(top, min(rows, round(y_px) + reach)), slice(left, min(columns, round(x_px) + reach)))
    ground = canvas[area]
    most = rng.choices(list(_TURNS_DEGREES), list(_TURNS_DEGREES.values()))[0]
    turn = math.radians(rng.uniform(-most, most))
    spot = Spot((ground.shape[0], ground.shape[1]), x_px - left, y_px - top, scale_px, turn)
    cover = rng.choice((by_distance, by_polygons))(shape, spot, rng)
    if rng.random() < 0.12:
        cover = _rounded(cover, scale_px * rng.uniform(0.015, 0.04))
    finishes = [_flat, _shaded, _grained, _bordered, _shadowed]
    if shape in _OUTLINED and scale_px > 40:
        finishes.append(_hollow)
    finish = rng.choices(finishes, (57, 12, 5, 12, 8, 6)[: len(finishes)])[0]
    canvas[area] = finish(ground, cover, tone, spot, rng)


def _over(ground: Plane, cover: Plane, paint_: Plane | RGB) -> Plane:
    share = cover[..., None]
    return ground * (1 - share) + np.float32(paint_) * share


def _flat(ground: Plane, cover: Plane, tone: RGB, _: Spot, __: random.Random) -> Plane:
    return _over(ground, cover, tone)


def _shaded(ground: Plane, cover: Plane, tone: RGB, spot: Spot, rng: random.Random) -> Plane:
    """Lighter on one side and darker on the other."""
    y, x = np.mgrid[0 : cover.shape[0], 0 : cover.shape[1]].astype(np.float32)
    turn = rng.uniform(0, math.tau)
    ramp = (math.cos(turn) * (x - spot.x_px) + math.sin(turn) * (y - spot.y_px)) / spot.scale_px
    change = np.float32(rng.uniform(0.05, 0.22)) * ramp[..., None].astype(np.float32)
    return _over(ground, cover, np.clip(np.float32(tone) + change, 0, 1))


def _grained(ground: Plane, cover: Plane, tone: RGB, _: Spot, rng: random.Random) -> Plane:
    """Chalk, cloth, paper: noise of a pixel or a few."""
    rows, columns = cover.shape
    coarse = rng.choice((1, 2, 4))
    noise = np.random.default_rng(rng.getrandbits(32)).standard_normal((rows // coarse + 1, columns // coarse + 1))
    grain = noise.repeat(coarse, 0).repeat(coarse, 1)[:rows, :columns, None].astype(np.float32)
    return _over(ground, cover, np.clip(np.float32(tone) + np.float32(rng.uniform(0.02, 0.07)) * grain, 0, 1))


def _bordered(ground: Plane, cover: Plane, tone: RGB, spot: Spot, rng: random.Random) -> Plane:
    """A thin border in a grey, or in a darker tone of its own."""
    edge = rng.choice((*_EDGES, mixed(tone, (0.0, 0.0, 0.0), 0.4)))
    width_px = max(1, round(spot.scale_px * rng.uniform(0.012, 0.035)))
    inner = _shrunk(cover, width_px)
    if (inner.sum() if cover.sum() else 0) < 0.5 * cover.sum():
        return _over(ground, cover, tone)
    return _over(_over(ground, cover, edge), inner, tone)


def _shadowed(ground: Plane, cover: Plane, tone: RGB, spot: Spot, rng: random.Random) -> Plane:
    """Throws a soft or a hard shadow."""
    step = [round(spot.scale_px * rng.uniform(-0.08, 0.08)) for _ in range(2)]
    fallen = np.roll(cover, step, (0, 1))
    if rng.random() < 0.7:
        fallen = _blurred(fallen, spot.scale_px * rng.uniform(0.01, 0.06))
    return _over(_over(ground, fallen * np.float32(rng.uniform(0.2, 0.6)), (0.0, 0.0, 0.0)), cover, tone)


def _hollow(ground: Plane, cover: Plane, tone: RGB, spot: Spot, rng: random.Random) -> Plane:
    """A thick outline: the ground shows through the shape's middle."""
    inner = _shrunk(cover, max(3, round(spot.scale_px * rng.uniform(0.06, 0.1))))
    return _over(ground, np.clip(cover - inner, 0, 1), tone)


def _rounded(cover: Plane, radius_px: float) -> Plane:
    """Takes the points off the corners."""
    return np.clip((_blurred(cover, radius_px) - 0.5) * max(1.0, 2 * radius_px) + 0.5, 0, 1)


def _blurred(cover: Plane, radius_px: float) -> Plane:
    return _filtered(cover, PIL.ImageFilter.GaussianBlur(radius_px))


def _shrunk(cover: Plane, by_px: int) -> Plane:
    return _filtered(cover, PIL.ImageFilter.MinFilter(2 * by_px + 1))


def _filtered(cover: Plane, kind: PIL.ImageFilter.Filter) -> Plane:
    mask = PIL.Image.fromarray((cover * 255).astype(np.uint8))
    return np.asarray(mask.filter(kind), np.float32) / 255
