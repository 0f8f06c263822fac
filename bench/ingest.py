"""Folders of everything: time, memory and what is done again: `python bench/ingest.py [IMAGES [PDFS [VIDEOS]]]`.

Makes the files, ingests them with the demo models in a home of its own, then again (nothing is to do), then with three
files changed, then a fifth of the pictures alone in another home, for the memory of the flow process.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

from bench.corpus import SAMPLE, draw
from medley.media.ffmpeg import ffmpeg_program
from tests.documents import pdf, placed, text


def make(folder: Path, images: int, pdfs: int, videos: int) -> None:
    """The corpus."""
    rng = random.Random(1)
    for kind in ("images", "pdfs", "videos"):
        (folder / kind).mkdir(parents=True)
    for n in range(images):
        (folder / "images" / f"{n // 1000}").mkdir(exist_ok=True)
        draw(n, rng).save(folder / "images" / f"{n // 1000}" / f"{n:05}.{('jpg', 'png', 'webp')[n % 3]}")
    for n in range(pdfs):
        pages = [
            text(*((72, 100 + 14 * k, f"Document {n} page {p} line {k} of many.") for k in range(20))) for p in range(3)
        ]
        pdf(folder / "pdfs" / f"{n:04}.pdf", *pages, placed(draw(n, rng), 100, 100, 200, 200))
    for n in range(videos):
        cut = [ffmpeg_program(), "-loglevel", "error", "-ss", str(n), "-i", str(SAMPLE), "-t", "3", "-c:v", "libx264"]
        name = f"{n:03}.mp4"
        subprocess.run(
            [*cut, "-preset", "ultrafast", "-metadata", f"title={name}", str(folder / "videos" / name)], check=True
        )


def ingest(folder: Path, home: Path) -> tuple[float, float, dict[str, Any]]:
    """Seconds, peak memory of the command's own process in MB, and the report."""
    env = {**os.environ, "MEDLEY_HOME": str(home), "MEDLEY_PROFILE": "demo"}
    began = time.monotonic()
    command = [sys.executable, "-m", "flows.ingest", str(folder), "--json"]
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    peak = [0]

    def watch() -> None:
        process = psutil.Process(child.pid)
        while child.poll() is None:
            try:
                peak[0] = max(peak[0], process.memory_info().rss)
            except psutil.Error:
                return
            time.sleep(0.2)

    watching = threading.Thread(target=watch)
    watching.start()
    out, _ = child.communicate()
    watching.join()
    return time.monotonic() - began, peak[0] / 1e6, json.loads(out)


def tell(what: str, found: tuple[float, float, dict[str, Any]]) -> None:
    """One line."""
    seconds, peak_mb, report = found
    counts = dict(Counter(item["status"] for item in report["items"]))
    ran = Counter(
        stage["name"] for item in report["items"] for stage in item["stages"] if stage["state"] == "completed"
    )
    print(
        f"{what:>22}: {seconds:7.1f} s, flow process {peak_mb:6.0f} MB, {counts}, stages run: {ran.total()}", flush=True
    )


def main(images: int, pdfs: int, videos: int) -> None:
    """See the module."""
    with tempfile.TemporaryDirectory() as directory:
        folder, home = Path(directory, "corpus"), Path(directory, "home")
        make(folder, images, pdfs, videos)
        first = ingest(folder, home)
        tell("first", first)
        tell("again", ingest(folder, home))
        for n, path in enumerate(sorted((folder / "images").rglob("*.png"))[:3]):
            draw(1_000_000 + n, random.Random(n)).save(path)
        tell("three changed", ingest(folder, home))
        few = Path(directory, "few")
        for path in sorted((folder / "images").rglob("*.*"))[: images // 5]:
            (few / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, few / path.parent.name / path.name)
        small = ingest(few, Path(directory, "small"))
        tell("a fifth of the pictures", small)
        print(f"memory of all against a fifth: {first[1] / small[1]:.2f} x")


if __name__ == "__main__":
    main(*(int(given) for given in (sys.argv[1:] + ["10000", "300", "20"][len(sys.argv) - 1 :])))
