"""Does `medley plan` foresee what a second corpus of a kind costs? `make bench-plan`.

One corpus of each kind is ingested in a home of its own, a second one of other files is planned and then ingested:
seconds that were foreseen against those that the stages took, by kind. `--turns N`: N second corpora.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.corpus import clip, images, pdfs
from bench.results import keep
from medley.dag.registry import pipeline_named
from medley.options import IngestOptions, options_for

ROOT = Path(__file__).parents[1]
_PIPELINES = {"videos": "video", "pictures": "image", "pdfs": "pdf", "notes": "document"}
_HOW_MANY = {"videos": 12, "pictures": 300, "pdfs": 40, "notes": 60}


def videos(folder: Path, count: int, seed: int) -> None:
    """Pieces of the sample, of ten seconds to a minute and a half."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    for n in range(count):
        clip(folder / f"{n:04}.mp4", rng.uniform(10, 90), rng.uniform(0, 16))


def notes(folder: Path, count: int, seed: int) -> None:
    """Texts of one to forty paragraphs."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    for n in range(count):
        told = (
            f"## Part {k}\n\nNote {seed}.{n}.{k} tells of {rng.random()} cranes." for k in range(rng.randint(1, 40))
        )
        (folder / f"{n:04}.md").write_text(f"# Note {n}\n\n" + "\n\n".join(told))


_MADE: dict[str, Callable[[Path, int, int], None]] = {
    "videos": videos,
    "pictures": images,
    "pdfs": pdfs,
    "notes": notes,
}


def main() -> None:
    """Prints the foreseen and the real seconds of each kind, and keeps them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=2)
    turns = parser.parse_args().turns
    with tempfile.TemporaryDirectory() as name:
        home, told = Path(name, "home"), list[dict[str, Any]]()
        for turn in range(turns + 1):
            for kind, make in _MADE.items():
                folder = Path(name, f"{kind}-{turn}")
                make(folder, _HOW_MANY[kind], turn + 1)
                if turn:
                    told.append(_compared(kind, folder, home))
                    print(told[-1], flush=True)
                else:
                    _medley(home, "ingest", folder, "--json")
        keep("plan", {"turns": turns, "corpora": told})


def _compared(kind: str, folder: Path, home: Path) -> dict[str, Any]:
    foreseen = _medley(home, "plan", folder, "--json")["totals"]["seconds_by_stage"]
    items = _medley(home, "ingest", folder, "--json")["items"]
    done = [stage for item in items for stage in item["stages"] if stage["state"] == "completed"]
    pipeline = pipeline_named(_PIPELINES[kind])
    dag = pipeline.dag(options_for(pipeline.options, IngestOptions()))
    branches: dict[str, list[float]] = {}  # seconds that were foreseen, and those that it took
    for name, price in foreseen.items():
        branches.setdefault(dag[name].branch, [0.0, 0.0])[0] += price["likely"]
    for stage in done:
        branches.setdefault(dag[stage["name"]].branch, [0.0, 0.0])[1] += stage["seconds"]
    expected, took = (sum(each) for each in zip(*branches.values(), strict=True))
    found = {"kind": kind, "files": len(items), "foreseen_s": round(expected, 1), "took_s": round(took, 1)}
    told = {branch: f"{known:.1f} s of {was:.1f}" for branch, (known, was) in branches.items()}
    return found | {"error_percent": round(100 * (expected / took - 1), 1), "branches": told}


def _medley(home: Path, *arguments: object) -> dict[str, Any]:
    environment = {**os.environ, "MEDLEY_HOME": str(home), "MEDLEY_PROFILE": "demo"}
    command = [sys.executable, "-m", "medley", *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
