"""Films put together out of shots: hard cuts, cross-fades, fades through black, and what is none of these (flashes)."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medley.media.ffmpeg import ffmpeg_program

Picture = NDArray[np.float32]
WIDTH_PX, HEIGHT_PX = 320, 180
_SHORTEST_S, _LONGEST_S = 0.8, 5.0


@dataclass(frozen=True, slots=True)
class Join:
    """How one shot becomes the next: over `length_s` around `at_s`, 0.0 for a hard cut."""

    at_s: float
    kind: str
    length_s: float


def make_montage(out: Path, *, seed: int, shots: int = 12, rate_fps: int = 25) -> list[Join]:
    """Writes a silent film of `shots` shots of many kinds, and returns where they meet."""
    rng = random.Random(seed)
    frames, joins = _film(rng, shots, rate_fps)
    command = [ffmpeg_program(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{WIDTH_PX}x{HEIGHT_PX}", "-r", str(rate_fps), "-i", "-"]
    command += ["-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-pix_fmt", "yuv420p", str(out)]
    raw = b"".join(np.clip(frame, 0, 255).astype(np.uint8).tobytes() for frame in frames)
    subprocess.run(command, input=raw, check=True)
    return joins


def _film(rng: random.Random, shots: int, rate_fps: int) -> tuple[list[Picture], list[Join]]:
    frames: list[Picture] = []
    joins: list[Join] = []
    for number in range(shots):
        length = round(rng.uniform(_SHORTEST_S, _LONGEST_S) * rate_fps)
        kind = rng.choices(("cut", "cross-fade", "black"), (6, 2, 2))[0] if number else "cut"
        over = 0 if kind == "cut" else round(rng.uniform(0.4, 1.4) * rate_fps)
        new = _flashed(list(_shot(rng, length + over)), rng)
        if number and over:
            over = min(over, len(frames) // 3)
            joins.append(Join((len(frames) - over / 2) / rate_fps, kind, over / rate_fps))
            frames[-over:] = [
                _mixed(was, comes, (step + 1) / (over + 1), kind)
                for step, (was, comes) in enumerate(zip(frames[-over:], new, strict=False))
            ]
        elif number:
            joins.append(Join(len(frames) / rate_fps, kind, 0.0))
        frames += new[over:]
    return frames, joins


def _mixed(was: Picture, comes: Picture, share: float, kind: str) -> Picture:
    if kind == "cross-fade":
        return (1 - share) * was + share * comes
    return was * max(0.0, 1 - 2 * share) if share < 0.5 else comes * max(0.0, 2 * share - 1)


def _flashed(frames: list[Picture], rng: random.Random) -> list[Picture]:
    """With the lights of other cameras in some shots, of one to three frames."""
    if rng.random() < 0.3 and len(frames) > 40:
        at = rng.randrange(12, len(frames) - 15)
        for number in range(rng.randint(1, 3)):
            frames[at + number] = 0.2 * frames[at + number] + 0.8 * 255
    return frames


def _shot(rng: random.Random, length: int) -> Iterator[Picture]:
    kinds: list[Callable[[random.Random, int], Iterator[Picture]]] = [_camera, _camera, _camera, _passing, _slide]
    return rng.choice(kinds)(rng, length)


def _scenery(rng: random.Random) -> Picture:
    """A coloured landscape of soft and sharp forms, larger than a frame."""
    noise = np.random.default_rng(rng.randrange(2**32))
    size, picture = (2 * WIDTH_PX, 2 * HEIGHT_PX), np.zeros((2 * HEIGHT_PX, 2 * WIDTH_PX, 3), np.float32)
    for cells, weight in ((3, 90), (9, 60), (40, 35), (160, 15)):
        coarse = noise.uniform(-1, 1, (cells, cells, 3)).astype(np.float32)
        layers = [Image.fromarray(coarse[..., channel]).resize(size, Image.Resampling.BICUBIC) for channel in range(3)]
        picture += weight * np.stack([np.asarray(layer) for layer in layers], axis=-1)
    picture += noise.uniform(40, 200, 3).astype(np.float32)
    for _ in range(rng.randint(0, 6)):
        left, top = rng.randrange(2 * WIDTH_PX - 60), rng.randrange(2 * HEIGHT_PX - 60)
        picture[top : top + rng.randint(20, 150), left : left + rng.randint(20, 150)] = noise.uniform(0, 255, 3)
    return np.clip(picture, 0, 255)


def _camera(rng: random.Random, length: int) -> Iterator[Picture]:
    """A camera that stands, pans or shakes, with the grain of its sensor."""
    picture, grain = _scenery(rng), np.random.default_rng(rng.randrange(2**32))
    speed, shake = rng.choice((0.0, 0.3, 1.5, 3.5)), rng.choice((0.0, 0.0, 2.0))
    angle = rng.uniform(0, 2 * np.pi)
    x, y = rng.uniform(0, WIDTH_PX), rng.uniform(0, HEIGHT_PX)
    for _ in range(length):
        x, y = x + speed * np.cos(angle), y + speed * np.sin(angle)
        left = int(abs((x + rng.uniform(-shake, shake)) % (2 * WIDTH_PX) - WIDTH_PX))  # turns back at the border
        top = int(abs((y + rng.uniform(-shake, shake)) % (2 * HEIGHT_PX) - HEIGHT_PX))
        part = picture[top : top + HEIGHT_PX, left : left + WIDTH_PX]
        yield part + grain.normal(0, 3, part.shape).astype(np.float32)


def _passing(rng: random.Random, length: int) -> Iterator[Picture]:
    """Something large that passes close by."""
    colour = np.array([rng.uniform(0, 255) for _ in range(3)], np.float32)
    width, begins, takes = rng.randint(60, 200), rng.uniform(0, 0.5) * length, rng.uniform(12, 40)
    for number, frame in enumerate(_camera(rng, length)):
        left = int((number - begins) / takes * (WIDTH_PX + width)) - width
        if left < WIDTH_PX and left + width > 0:
            frame[20:, max(0, left) : max(0, left + width)] = colour
        yield frame


def _slide(rng: random.Random, length: int) -> Iterator[Picture]:
    """A still of few colours."""
    ground = np.array([rng.uniform(30, 250) for _ in range(3)], np.float32)
    frame = np.broadcast_to(ground, (HEIGHT_PX, WIDTH_PX, 3)).copy()
    for row in range(rng.randint(2, 5)):
        top = 20 + 30 * row
        frame[top : top + 14, 30 : 30 + rng.randint(80, 260)] = [rng.uniform(0, 255) for _ in range(3)]
    yield from [frame] * length


def score(found: list[float], joins: list[Join], within_s: float = 0.2) -> tuple[int, int, int]:
    """Returns hits, misses and false alarms; a join is found within `within_s` of the time of its transition."""
    left = sorted(found)
    hits = 0
    for join in joins:
        near = [at for at in left if abs(at - join.at_s) <= within_s]
        if near:
            left.remove(min(near, key=lambda at: abs(at - join.at_s)))
            hits += 1
    return hits, len(joins) - hits, len(left)
