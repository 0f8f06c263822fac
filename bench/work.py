"""The same work by Medley and by its peers: `python bench/work.py [-n REPETITIONS] [--small] [--write]`.

Clips, pictures and PDFs through the same stage functions and the same models (profile demo), peers interleaved, outputs
compared (rows, and sums of vectors). A peer's time is that of a process in which models are warm; Medley's is that of a
whole command under `medley up`, and of a command with nothing running. `--write` writes docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.ingest import draw
from bench.peers.run import in_temporary_work
from bench.results import keep
from flows.services.shared import free_port
from medley.media.ffmpeg import ffmpeg_program
from tests.documents import pdf, text

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "sample.mp4"
SIZES = {"video": 24, "image": 1000, "pdf": 100}
SMALL = {"video": 4, "image": 60, "pdf": 6}
PEERS = {
    "loop": "a loop, one core",
    "ray_actors": "Ray actors",
    "ray_data": "Ray Data",
    "daft_native": "Daft",
    "prefect_threads": "Prefect, threads",
    "prefect_ray_stock": "Prefect on Ray, stock",
    "ray_naive": "Ray, model in the task",
}
#: Workloads of a peer that does not do all of them: loading models for each of 100 PDFs takes minutes and says nothing.
ONLY = {"ray_naive": ("video",)}
MEDLEY = "Medley"
#: Stage that makes the vectors of a modality, and what the peers call that branch.
MADE_BY = {
    "speech": ("embed_text", "speech"),
    "frame": ("embed_frames", "frames"),
    "image": ("embed_images", "images"),
    "page": ("embed_text", "pages"),
}


def make(folder: Path, sizes: dict[str, int], seed: int) -> None:
    """A folder of each kind; with another seed other files."""
    rng = random.Random(seed)
    for kind, count in sizes.items():
        (folder / kind).mkdir(parents=True)
        for n in range(count):
            path = folder / kind / f"{n:04}"
            if kind == "video":
                cut = ["-ss", f"{rng.uniform(0, 16):.2f}", "-i", str(SAMPLE), "-t", str(20 + n % 11)]
                coded = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-metadata", f"title={seed} {n}"]
                subprocess.run([ffmpeg_program(), "-loglevel", "error", *cut, *coded, f"{path}.mp4"], check=True)
            elif kind == "image":
                draw(seed * 100_000 + n, rng).resize((512, 512)).save(f"{path}.jpg")
            else:
                pages = [
                    [(72, 100 + 14 * k, f"Paper {seed} {n} page {p} line {k}.") for k in range(20)] for p in range(4)
                ]
                pdf(path.with_suffix(".pdf"), *(text(*page) for page in pages))


def peer(name: str, first: Path, second: Path) -> dict[str, Any]:
    """Videos of `first` (models load), then everything of `second`; seconds and what was made, by step."""
    kinds = ONLY.get(name, tuple(SIZES))
    steps = [f"video:{first / 'video'}", *(f"{kind}:{second / kind}" for kind in kinds)]
    found = in_temporary_work([sys.executable, "-m", f"bench.peers.{name}", *steps])
    cold, *warm = found["steps"]
    return {"cold": found["start_s"] + cold["seconds"], **{one["step"]: one for one in warm}}


def medley(*arguments: str) -> tuple[float, str]:
    """Runs a command; seconds and stdout."""
    began = time.time()
    command = [str(Path(sys.executable).with_name("medley")), *arguments]
    # what importing `flows` here has set is of another home
    theirs = ("RAY_", "PREFECT_", "MEDLEY_MADE")
    env = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments[:1])}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return time.time() - began, done.stdout


def ours(kind: str, folder: Path, home: Path) -> dict[str, Any]:
    """One command over a folder."""
    seconds, out = medley("ingest", str(folder), "--profile", "demo", "--json")
    told: dict[str, dict[str, float]] = defaultdict(lambda: {"rows": 0, "sum": 0.0})
    for item in json.loads(out)["items"]:
        assert item["status"] == "complete", item
        for modality, count in item["records"].items():
            stage, branch = MADE_BY.get(modality, ("", ""))
            if not count:
                continue
            [vectors] = (home / "artifacts" / item["asset_id"][:2] / item["asset_id"] / stage).glob("*/vectors.npy")
            told[branch]["rows"] += count
            told[branch]["sum"] += float(np.load(vectors).astype(np.float64).sum())
    return {"step": kind, "seconds": seconds, "told": dict(told)}


def standing(first: Path, second: Path) -> dict[str, Any]:
    """Medley: cold in a home of its own, then under `medley up` with its models loaded by the first clips."""
    with tempfile.TemporaryDirectory(prefix="bench") as directory:
        os.environ["MEDLEY_HOME"] = f"{directory}/cold"
        cold = ours("video", first / "video", Path(directory, "cold"))["seconds"]
        home = Path(directory, "up")
        os.environ["MEDLEY_HOME"] = str(home)
        for name in ("PREFECT", "RAY", "DASHBOARD", "STORE", "QUERY"):
            os.environ[f"MEDLEY_UP__{name}_PORT"] = str(free_port())
        medley("up", "--detach")
        try:
            ours("video", first / "video", home)
            found = {kind: ours(kind, second / kind, home) for kind in SIZES}
        finally:
            medley("down")
    return {"cold": cold, **found}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Rows are equal, and sums within a thousandth for each row."""
    return one.keys() == other.keys() and all(
        one[branch]["rows"] == other[branch]["rows"]
        and abs(one[branch]["sum"] - other[branch]["sum"]) <= 1e-3 * max(1, one[branch]["rows"])
        for branch in one
    )


def require_same(made: dict[str, Any], sizes: dict[str, int]) -> None:
    """Raises AssertionError where a peer has made something else than Medley."""
    for name in made.keys() - {MEDLEY}:
        for kind in ONLY.get(name, tuple(sizes)):
            told, ours_told = made[name][kind]["told"], made[MEDLEY][kind]["told"]
            assert same(told, ours_told), f"{name} made something else of {kind}: {told}, {ours_told}"


def table(seconds: dict[str, dict[str, list[float]]], sizes: dict[str, int]) -> str:
    """Medians with their spread, and each peer's against Medley's."""
    names = [name for name in PEERS if name in seconds]
    lines = ["| what | " + " | ".join([MEDLEY, *(PEERS[name] for name in names)]) + " |"]
    lines.append("|---" * (len(names) + 2) + "|")
    titles = {
        "cold": f"{sizes['video']} clips, nothing running",
        **{kind: f"{n} {kind}s, warm" for kind, n in sizes.items()},
    }
    for figure, title in titles.items():
        base = statistics.median(seconds[MEDLEY][figure])
        cells = []
        for name in (MEDLEY, *names):
            if not (found := seconds[name].get(figure, [])):
                cells.append("-")
                continue
            middle, ratio = statistics.median(found), ""
            if name != MEDLEY:
                ratio = f" ({middle / base:.2f} x)"
            cells.append(f"{middle:.1f} [{min(found):.1f}-{max(found):.1f}]{ratio}")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Prints a line for each run and the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="a few files of each kind: whether it works at all")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    given = parser.parse_args()
    sizes = SMALL if given.small else SIZES
    seconds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory(prefix="bench") as directory:
        for turn in range(given.n):
            first, second = (Path(directory, f"{turn}{which}") for which in "ab")
            make(first, {"video": sizes["video"]}, 2 * turn)
            make(second, sizes, 2 * turn + 1)
            names = [MEDLEY, *given.peers]
            made: dict[str, Any] = {}
            for name in names if turn % 2 == 0 else names[::-1]:
                made[name] = standing(first, second) if name == MEDLEY else peer(name, first, second)
                for figure, found in made[name].items():
                    seconds[name][figure].append(found if figure == "cold" else found["seconds"])
                print(name, {figure: round(times[-1], 1) for figure, times in seconds[name].items()}, flush=True)
            require_same(made, sizes)
            keep("work", {"sizes": sizes, "turns": turn + 1, "seconds": seconds})
            shutil.rmtree(first)
            shutil.rmtree(second)
    found = table(seconds, sizes)
    print(found)
    if given.write:
        where = f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}, {time.strftime('%Y-%m-%d')}"
        (ROOT / "docs" / "benchmarks.md").write_text(_PAGE.format(found=found, where=where, n=given.n))


_PAGE = """# Benchmarks

`python bench/work.py --write` wrote this page: {where}, {n} repetitions, peers interleaved. Seconds: median [fastest -
slowest], and in brackets how many times Medley's. The same stage functions, the same models (profile demo, one thread
for each) and the same store serve everybody; rows and vectors were compared and are equal. Absolute times describe the
machine.

{found}

"Warm": services and models are there. Of Medley it is the time of a whole command, with its report, catalog, artifacts,
Prefect's run graph and a durable write for each batch; the peers write once at the end, and keep nothing that a killed
run could go on from. "Nothing running" counts what is started and, of Medley, ended.

Peers: `bench/peers/`, each written as somebody who knows it would. `make bench-overhead`: what a task costs whose stage
does nothing.
"""


if __name__ == "__main__":
    main()
