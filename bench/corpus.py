"""The files that benchmarks work on: made anew for each run, each with content of its own."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from PIL import Image, ImageDraw

from medley.media.ffmpeg import ffmpeg_program
from tests.documents import pdf, text

SAMPLE = Path(__file__).parents[1] / "samples" / "sample.mp4"
_SAMPLE_S = 46
COLOURS = ("red", "green", "blue", "yellow", "purple", "orange")


def draw(n: int, rng: random.Random) -> Image.Image:
    """A picture of its own, with noise enough to weigh up to 200 kB."""
    made = Image.effect_noise((rng.randrange(120, 480), rng.randrange(120, 480)), 30).convert("RGB")
    x, y, side = (rng.randrange(10, 60) for _ in range(3))
    shape = getattr(ImageDraw.Draw(made), rng.choice(("ellipse", "rectangle")))
    shape((x, y, x + side + 40, y + side + 40), fill=rng.choice(COLOURS))
    made.putpixel((0, 0), (n % 256, n // 256 % 256, n // 65536))
    return made


def clip(path: Path, seconds: float, start_s: float = 0.0) -> None:
    """A piece of the sample, encoded anew; longer than the sample: from its beginning again and again."""
    again = str(int((start_s + seconds) // _SAMPLE_S))
    cut = ["-stream_loop", again, "-ss", f"{start_s:.2f}", "-i", str(SAMPLE), "-t", f"{seconds:.2f}"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-metadata", f"title={path.name} {start_s}"]
    subprocess.run([ffmpeg_program(), "-loglevel", "error", *cut, *coded, str(path)], check=True)


def clips(folder: Path, count: int, seed: int) -> None:
    """Clips of 20 to 30 s."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    for n in range(count):
        clip(folder / f"{n:04}.mp4", 20 + n % 11, rng.uniform(0, 16))


def images(folder: Path, count: int, seed: int) -> None:
    """JPEGs of 512 pixels."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    for n in range(count):
        draw(seed * 100_000 + n, rng).resize((512, 512)).save(folder / f"{n:04}.jpg")


def pdfs(folder: Path, count: int, seed: int) -> None:
    """Documents of four pages."""
    folder.mkdir(parents=True)
    for n in range(count):
        lines = [[(72, 100 + 14 * k, f"Paper {seed} {n} page {p} line {k}.") for k in range(20)] for p in range(4)]
        pdf(folder / f"{n:04}.pdf", *(text(*page) for page in lines))
