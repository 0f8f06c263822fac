"""The training's backgrounds: plain, graded, patterned, clouded like a photograph out of focus, with words or lines."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from tests.demo_models.outlines import Plane
from tests.demo_models.tones import RGB, away_from, clear, mixed
from tests.world.sentences import TOPICS


def ground(size_px: tuple[int, int], colours: Sequence[RGB], rng: random.Random) -> Plane:
    """A background (height x width x 3, 0 to 1) that keeps clear of these colours everywhere."""
    first, second = _neighbours(colours, rng)
    share = rng.choices(list(_PATTERNS), list(_PATTERNS.values()))[0](size_px, rng)[..., None]
    canvas = (1 - share) * np.float32(first) + share * np.float32(second)
    kind = rng.random()
    if kind < 0.08:
        return _cluttered(canvas, first, colours, rng)
    return _framed(canvas, away_from(colours, rng), rng) if kind < 0.15 else canvas


def slide(size_px: tuple[int, int], rng: random.Random) -> PIL.Image.Image:
    """A few lines of words on pale or dark paper."""
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


def picture(canvas: Plane) -> PIL.Image.Image:
    """The canvas as a picture."""
    return PIL.Image.fromarray((canvas * 255).round().clip(0, 255).astype(np.uint8))


def _neighbours(colours: Sequence[RGB], rng: random.Random) -> tuple[RGB, RGB]:
    """Two tones whose mixtures are clear of the colours as well: the second comes as near to the first as it must."""
    first, second = away_from(colours, rng), away_from(colours, rng)
    second = mixed(first, second, rng.uniform(0.2, 1))
    while not all(clear(mixed(first, second, share), colours) for share in (0.25, 0.5, 0.75, 1.0)):
        second = mixed(first, second, 0.7)
    return first, second


def _plain(size_px: tuple[int, int], _: random.Random) -> Plane:
    return np.zeros((size_px[1], size_px[0]), np.float32)


def _grid(size_px: tuple[int, int]) -> tuple[Plane, Plane]:
    """Across and down, both 0 to 1."""
    x, y = np.linspace(0, 1, size_px[0], dtype=np.float32), np.linspace(0, 1, size_px[1], dtype=np.float32)
    return np.broadcast_to(x, (size_px[1], size_px[0])), np.broadcast_to(y[:, None], (size_px[1], size_px[0]))


def _graded(size_px: tuple[int, int], rng: random.Random) -> Plane:
    x, y = _grid(size_px)
    turn = rng.choice((0.0, math.pi / 2, rng.uniform(0, math.tau)))
    ramp = np.float32(math.cos(turn)) * x + np.float32(math.sin(turn)) * y
    return (ramp - ramp.min()) / (ramp.max() - ramp.min())


def _round(size_px: tuple[int, int], rng: random.Random) -> Plane:
    """Bright in the middle or at the rim."""
    x, y = _grid(size_px)
    away = np.hypot(x - np.float32(rng.uniform(0.3, 0.7)), y - np.float32(rng.uniform(0.3, 0.7)))
    return (away / away.max()) ** 2


def _halves(size_px: tuple[int, int], rng: random.Random) -> Plane:
    """A horizon, or a column at the side."""
    x, y = _grid(size_px)
    return ((y if rng.random() < 0.6 else x) > rng.uniform(0.2, 0.8)).astype(np.float32)


def _checker(size_px: tuple[int, int], rng: random.Random) -> Plane:
    side = rng.randint(6, 40)
    y, x = np.mgrid[0 : size_px[1], 0 : size_px[0]]
    return ((x // side + y // side) % 2).astype(np.float32) * np.float32(rng.uniform(0.2, 1))


def _stripes(size_px: tuple[int, int], rng: random.Random) -> Plane:
    x, y = _grid(size_px)
    turn, waves = rng.uniform(0, math.pi), rng.uniform(3, 16)
    wave = np.sin(math.tau * waves * (np.float32(math.cos(turn)) * x + np.float32(math.sin(turn)) * y))
    return (0.5 + 0.5 * wave) * np.float32(rng.uniform(0.2, 0.6))


def _lattice(size_px: tuple[int, int], rng: random.Random) -> Plane:
    """Lines as on squared paper."""
    side, width = rng.randint(8, 40), rng.randint(1, 2)
    y, x = np.mgrid[0 : size_px[1], 0 : size_px[0]]
    return ((x % side < width) | (y % side < width)).astype(np.float32)


def _clouds(size_px: tuple[int, int], rng: random.Random) -> Plane:
    """Noise of one to three sizes, blown up softly."""
    noise = np.random.default_rng(rng.getrandbits(32))
    total = np.zeros((size_px[1], size_px[0]), np.float32)
    for cells in rng.sample((3, 6, 12, 30), rng.randint(1, 3)):
        small = PIL.Image.fromarray(noise.random((cells, cells + 1), np.float32))
        total += np.asarray(small.resize(size_px, PIL.Image.Resampling.BICUBIC)) / cells**0.5
    return (total - total.min()) / (total.max() - total.min())


def _cluttered(canvas: Plane, first: RGB, colours: Sequence[RGB], rng: random.Random) -> Plane:
    """Words or thin lines in a tone near the ground's, behind the shapes."""
    image = picture(canvas)
    pen = PIL.ImageDraw.Draw(image)
    tone = mixed(first, away_from(colours, rng), 0.6)
    ink = tuple(round(255 * part) for part in (tone if clear(tone, colours) else first))
    for _ in range(rng.randint(1, 4)):
        x, y = rng.uniform(0, 0.8) * image.width, rng.uniform(0, 0.9) * image.height
        if rng.random() < 0.6:
            pen.text((x, y), rng.choice(TOPICS), fill=ink, font=PIL.ImageFont.load_default(rng.uniform(8, 18)))
        else:
            pen.line([(x, y), (rng.uniform(0, 1) * image.width, y + rng.uniform(-20, 20))], fill=ink, width=1)
    return np.asarray(image, np.float32) / 255


def _framed(canvas: Plane, tone: RGB, rng: random.Random) -> Plane:
    """A line around the picture, or bars on two of its sides."""
    rows, columns = canvas.shape[:2]
    y, x = np.minimum(np.arange(rows), np.arange(rows)[::-1]), np.minimum(np.arange(columns), np.arange(columns)[::-1])
    if rng.random() < 0.5:
        edge = np.minimum(y[:, None], x[None, :])
        first = rng.randint(0, 6)
        canvas[(edge >= first) & (edge < first + rng.randint(1, 5))] = tone
    elif rng.random() < 0.5:
        canvas[y < rows * rng.uniform(0.03, 0.15)] = tone
    else:
        canvas[:, x < columns * rng.uniform(0.03, 0.15)] = tone
    return canvas


# How often each comes, in per cent.
_PATTERNS = {
    _plain: 42,
    _graded: 20,
    _round: 5,
    _halves: 6,
    _checker: 7,
    _stripes: 5,
    _lattice: 4,
    _clouds: 11,
}
