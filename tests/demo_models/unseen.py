"""A renderer that no training sees: shapes as inequalities, nine samples to a pixel, colours and grounds of its own.

It shares no line with what draws for the training (outlines, polygons, grounds, tones) nor with `tests/world/drawing`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image

from tests.world.evaluation import Picture
from tests.world.scenes import Figure, Scene
from tests.world.sentences import COLOURS, SHAPES

_Plane = npt.NDArray[np.float64]
_Region = Callable[[_Plane, _Plane], npt.NDArray[np.bool_]]
_RGB = tuple[int, int, int]

_SIZE_PX = (400, 225)
_SAMPLES = 3  # a side of a pixel
_COLOURS: dict[str, tuple[_RGB, _RGB]] = {
    "red": ((214, 10, 20), (240, 40, 32)),
    "blue": ((10, 40, 200), (44, 96, 236)),
    "green": ((10, 140, 40), (60, 190, 70)),
    "yellow": ((250, 230, 40), (242, 206, 6)),
    "black": ((6, 6, 6), (24, 22, 22)),
    "white": ((254, 254, 254), (244, 244, 246)),
    "orange": ((255, 150, 20), (240, 122, 16)),
    "purple": ((120, 16, 150), (146, 70, 196)),
    "pink": ((255, 150, 190), (246, 100, 170)),
    "brown": ((116, 62, 20), (140, 84, 50)),
}
_CLEAR_DISTANCE = 90.0  # of at most 441


def unseen_scenes(rng: random.Random) -> list[Scene]:
    """100 scenes: every colour with every shape, then pairs."""
    singles = [Scene((Figure(colour, shape),)) for colour in COLOURS for shape in SHAPES]
    return [*singles, *(_pair(rng) for _ in range(20))]


def unseen_pictures(directory: Path, seed: int, scenes: Sequence[Scene]) -> list[Picture]:
    """Draws the scenes as JPEG files into the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    rng = random.Random(f"unseen {seed}")
    pictures = [Picture(directory / f"{number:03d}.jpg", scene) for number, scene in enumerate(scenes)]
    for picture in pictures:
        draw_unseen(picture.scene, rng).save(picture.path, quality=90)
    return pictures


def draw_unseen(scene: Scene, rng: random.Random) -> PIL.Image.Image:
    """One or two shapes on black, white, any grey, a tinge or a full colour."""
    tones = [rng.choice(_COLOURS[figure.colour]) for figure in scene.figures]
    columns, rows = (side * _SAMPLES for side in _SIZE_PX)
    canvas = _ground(rows, columns, tones, rng)
    for figure, tone, (across, down, height) in zip(scene.figures, tones, _places(scene, rng), strict=True):
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float64)
        x, y = (x - across * columns) / (height * rows), (down * rows - y) / (height * rows)
        turn = math.radians(rng.uniform(-15, 15))
        x, y = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
        canvas[_REGIONS[figure.shape](rng)(x, y)] = tone
    blocks = canvas.reshape(_SIZE_PX[1], _SAMPLES, _SIZE_PX[0], _SAMPLES, 3)
    return PIL.Image.fromarray(blocks.mean(axis=(1, 3)).round().astype(np.uint8))


def _pair(rng: random.Random) -> Scene:
    colours, shapes = rng.sample(COLOURS, 2), rng.sample(SHAPES, 2)
    figures = tuple(Figure(colour, shape) for colour, shape in zip(colours, shapes, strict=True))
    return Scene(figures, rng.choice(("and", "above")))


def _places(scene: Scene, rng: random.Random) -> list[tuple[float, float, float]]:
    """Middle across and down, height: fractions of the picture."""
    if len(scene.figures) == 1:
        height = rng.uniform(0.2, 0.7)
        down = rng.uniform(0.6 * height, 1 - 0.6 * height)
        return [(rng.uniform(0.45 * height, 1 - 0.45 * height), down, height)]
    if scene.relation == "above":
        across = rng.uniform(0.25, 0.75)
        return [(across, share, rng.uniform(0.3, 0.38)) for share in (0.26, 0.74)]
    return [(share, rng.uniform(0.4, 0.6), rng.uniform(0.35, 0.55)) for share in (0.26, 0.74)]


def _ground(rows: int, columns: int, tones: Sequence[_RGB], rng: random.Random) -> _Plane:
    """Plain, graded, with squares, or with an edge: the second tone is the nearest of six."""
    first = _clear(tones, rng)
    second = min((_clear(tones, rng) for _ in range(6)), key=lambda tone: math.dist(tone, first))
    y, x = np.mgrid[0:rows, 0:columns]
    shares: dict[str, Callable[[], _Plane]] = {
        "plain": lambda: np.zeros((rows, columns)),
        "graded": lambda: rng.choice((x / columns, y / rows)),
        "squares": lambda: (x // 90 + y // 90) % 2.0,
        "edge": lambda: np.maximum(abs(2 * x / columns - 1), abs(2 * y / rows - 1)) > 0.94,
    }
    share = 1.0 * shares[rng.choices(list(shares), (45, 25, 15, 15))[0]]()[..., None]
    return (1 - share) * np.array(first, float) + share * np.array(second, float)


def _clear(tones: Sequence[_RGB], rng: random.Random) -> _RGB:
    """A tone of the ground that differs from all shapes' tones; one in eight is a full colour."""
    while True:
        grey = rng.choice((0, 255, rng.randint(0, 255), rng.randint(0, 255)))
        tinge = [rng.randint(-28, 28) if rng.random() < 0.4 else 0 for _ in range(3)]
        red, green, blue = (min(255, max(0, grey + part)) for part in tinge)
        if rng.random() < 1 / 8:
            red, green, blue = rng.sample((rng.randint(0, 90), rng.randint(60, 200), rng.randint(140, 255)), 3)
        if all(math.dist((red, green, blue), tone) >= _CLEAR_DISTANCE for tone in tones):
            return red, green, blue


def _box(left: float, right: float, bottom: float, top: float) -> _Region:
    return lambda x, y: (x >= left) & (x <= right) & (y >= bottom) & (y <= top)


def _disc(radius: float) -> _Region:
    return lambda x, y: x * x + y * y <= radius * radius


def _ring(rng: random.Random) -> _Region:
    inner = rng.uniform(0.24, 0.38)
    return lambda x, y: _disc(0.5)(x, y) & ~_disc(inner)(x, y)


def _triangle(rng: random.Random) -> _Region:
    half = rng.uniform(0.48, 0.6)
    return lambda x, y: (y >= -0.5) & (np.abs(x) <= half * (0.5 - y))


def _star(rng: random.Random) -> _Region:
    """Where a point is inside of at least four of the pentagram's five lines; plumper by the lines' distance."""
    distance = 0.5 * math.sin(math.radians(18)) * rng.uniform(1.0, 1.15)
    turns = [math.radians(72 * i + 90) for i in range(5)]
    return lambda x, y: sum((x * math.cos(t) + y * math.sin(t) <= distance).astype(int) for t in turns) >= 4


def _cross(rng: random.Random) -> _Region:
    arm = rng.uniform(0.1, 0.19)
    return lambda x, y: _box(-arm, arm, -0.5, 0.5)(x, y) | _box(-0.5, 0.5, -arm, arm)(x, y)


def _heart(_: random.Random) -> _Region:
    """The sextic (x² + y² - 1)³ <= x² y³, about 2.3 high."""
    return lambda x, y: ((2.3 * x) ** 2 + (2.3 * y + 0.1) ** 2 - 1) ** 3 <= (2.3 * x) ** 2 * (2.3 * y + 0.1) ** 3


def _arrow(rng: random.Random) -> _Region:
    shaft, head, length = rng.uniform(0.08, 0.16), rng.uniform(0.26, 0.42), rng.uniform(0.3, 0.5)
    neck = 0.55 - length

    def region(x: _Plane, y: _Plane) -> npt.NDArray[np.bool_]:
        return _box(-0.55, neck, -shaft, shaft)(x, y) | ((x >= neck) & (np.abs(y) * length <= head * (0.55 - x)))

    return region


_REGIONS: dict[str, Callable[[random.Random], _Region]] = {
    "circle": lambda _: _disc(0.5),
    "square": lambda _: _box(-0.46, 0.46, -0.46, 0.46),
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "heart": _heart,
    "ring": _ring,
    "arrow": _arrow,
}
