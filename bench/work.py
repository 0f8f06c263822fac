"""The same work by Medley and by its peers: `python bench/work.py [-n REPETITIONS] [--small]`.

Clips, pictures and PDFs through the same stage functions and the same models (profile demo), peers interleaved, outputs
compared (rows, and sums of vectors). A peer's time is that of a process in which models are warm; Medley's is that of a
whole command under `medley up`, and of a command with nothing running.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from bench import corpus
from bench.peers.run import in_temporary_work
from bench.product import Installation, cold, standing
from bench.results import keep

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
_MAKE = {"video": corpus.clips, "image": corpus.images, "pdf": corpus.pdfs}


def peer(name: str, first: Path, second: Path) -> dict[str, Any]:
    """Videos of `first` (models load), then everything of `second`; seconds and what was made, by step."""
    kinds = ONLY.get(name, tuple(SIZES))
    steps = [f"video:{first / 'video'}", *(f"{kind}:{second / kind}" for kind in kinds)]
    found = in_temporary_work([sys.executable, "-m", f"bench.peers.{name}", *steps])
    begun, *warm = found["steps"]
    return {"cold": found["start_s"] + begun["seconds"], **{one["step"]: one for one in warm}}


def ours(kind: str, folder: Path, installation: Installation) -> dict[str, Any]:
    """One command over a folder."""
    seconds, report = installation.ingest("ingest", folder)
    told: dict[str, dict[str, float]] = defaultdict(lambda: {"rows": 0, "sum": 0.0})
    for item in report["items"]:
        assert item["status"] == "complete", item
        made = installation.home / "artifacts" / item["asset_id"][:2] / item["asset_id"]
        for modality, count in item["records"].items():
            stage, branch = MADE_BY.get(modality, ("", ""))
            if not count:
                continue
            [vectors] = (made / stage).glob("*/vectors.npy")
            told[branch]["rows"] += count
            told[branch]["sum"] += float(np.load(vectors).astype(np.float64).sum())
    return {"step": kind, "seconds": seconds, "told": dict(told)}


def medley(first: Path, second: Path) -> dict[str, Any]:
    """Medley: cold in a home of its own, then under `medley up` with its models loaded by the first clips."""
    with cold() as installation:
        begun = ours("video", first / "video", installation)["seconds"]
    with standing() as installation:
        ours("video", first / "video", installation)
        return {"cold": begun, **{kind: ours(kind, second / kind, installation) for kind in SIZES}}


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
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    given = parser.parse_args()
    sizes = SMALL if given.small else SIZES
    seconds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory(prefix="bench") as directory:
        for turn in range(given.n):
            first, second = (Path(directory, f"{turn}{which}") for which in "ab")
            corpus.clips(first / "video", sizes["video"], 2 * turn)
            for kind, count in sizes.items():
                _MAKE[kind](second / kind, count, 2 * turn + 1)
            names = [MEDLEY, *given.peers]
            made: dict[str, Any] = {}
            for name in names if turn % 2 == 0 else names[::-1]:
                made[name] = medley(first, second) if name == MEDLEY else peer(name, first, second)
                for figure, found in made[name].items():
                    seconds[name][figure].append(found if figure == "cold" else found["seconds"])
                print(name, {figure: round(times[-1], 1) for figure, times in seconds[name].items()}, flush=True)
            require_same(made, sizes)
            if not given.small:
                keep("work", {"sizes": sizes, "turns": turn + 1, "seconds": seconds})
            shutil.rmtree(first)
            shutil.rmtree(second)
    print(table(seconds, sizes))


if __name__ == "__main__":
    main()
