"""What Medley costs for each task and item when the stages do nothing: `make bench-overhead`.

    python bench/overhead.py [KIND ...] [-n ITEMS] [-r REPETITIONS]

Kinds: medley (its own command on Ray), medley-4 and medley-100 (so many files at a time, as clips and pictures go),
medley-local (threads), medley-stock (Medley with prefect-ray's own task runner), stock (prefect-ray in ten lines),
threads (Prefect's threads in ten lines), bare (plain Ray tasks). Each in processes of its own, twenty items to warm up,
then N; from the first submit to the last state.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.product import ROOT, cold
from bench.results import keep

_WARM = 20
_STAGES = {"noop": 8, "noop_by_4": 8, "noop_by_100": 3}
#: Pipeline, runner, task runner, and how many times N items: many at a time are soon done (a call takes 500 at most).
_OURS = {
    "medley": ("noop", "ray", "medley", 1),
    "medley-4": ("noop_by_4", "ray", "medley", 2),
    "medley-100": ("noop_by_100", "ray", "medley", 2),
    "medley-local": ("noop", "local", "medley", 1),
    "medley-stock": ("noop", "ray", "stock", 1),
}
KINDS = (*_OURS, "stock", "threads", "bare")


def ours(kind: str, count: int) -> dict[str, float]:
    """The rate of Medley's command between item `_WARM` and the last one, by the end times in its log."""
    pipeline, runner, task_runner, times = _OURS[kind]
    count *= times
    with cold() as installation, tempfile.TemporaryDirectory() as folder:
        for n in range(count + _WARM):
            Path(folder, f"{n:05}.noop").write_bytes(b"medley-noop\n" + str(n).encode())
        paths = sorted(Path(folder).iterdir())
        installation.settings = {"MEDLEY_RAY__TASK_RUNNER": task_runner}
        began = time.time()
        _, out = installation.run("run", f"bench.noop:{pipeline}", *paths, "--runner", runner, "--json")
        whole = time.time() - began
        log = next(installation.home.glob("runs/*/log.txt")).read_text()
    report = json.loads(out)
    assert len(report["items"]) == count + _WARM, len(report["items"])
    stages = _STAGES[pipeline]
    assert all(len(item["stages"]) == stages and item["status"] == "complete" for item in report["items"])
    lines = [line for line in log.splitlines() if ".noop: complete" in line]
    ended = sorted(datetime.fromisoformat(line.split("Z ")[0]).timestamp() for line in lines)
    item_ms = 1e3 * (ended[-1] - ended[_WARM - 1]) / count
    tasks = {} if pipeline != "noop" else {"ms_task": item_ms / stages}
    return {**tasks, "ms_item": item_ms, "n": count, "whole_s": whole, "startup_s": report["startup_s"]}


def peer(kind: str, count: int) -> dict[str, float]:
    """The same of a peer: see peers/noop.py."""
    command = [sys.executable, "-m", "bench.peers.noop", kind, str(_WARM), str(count)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    item_ms = 1e3 * float(json.loads(done.stdout.splitlines()[-1])["seconds"]) / count
    return {"ms_task": item_ms / _STAGES["noop"], "ms_item": item_ms, "n": count}


def main() -> None:
    """Prints one line for each kind and turn."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("-r", type=int, default=3)
    given = parser.parse_args()
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for turn in range(given.r):
        for kind in given.kinds if turn % 2 == 0 else given.kinds[::-1]:
            told: dict[str, Any] = ours(kind, given.n) if kind in _OURS else peer(kind, given.n)
            print(kind, *(f"{name} {value:.2f}" for name, value in told.items()), flush=True)
            for name in ("ms_task", "ms_item"):
                if name in told:
                    found[kind][name].append(told[name])
    for kind, figures in found.items():
        print(f"{kind:>14}:", *(f"{name} {statistics.median(some):.2f}" for name, some in figures.items()))
    keep("overhead", {"items": given.n, "turns": given.r, "ms": found})


if __name__ == "__main__":
    main()
