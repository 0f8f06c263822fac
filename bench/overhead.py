"""What Medley costs for each task and item when the stages do nothing: `make bench-overhead`.

    python bench/overhead.py [KIND ...] [-n ITEMS]

Kinds: medley (its own command on Ray), medley-local (threads), medley-stock (Medley with prefect-ray's own task
runner), stock (prefect-ray in ten lines), threads (Prefect's threads in ten lines), bare (plain Ray tasks). Each in
processes of its own, twenty items to warm up, then N; from the first submit to the last state.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_WARM = 20
_STAGES = 8
_OURS = {"medley": ("ray", ""), "medley-local": ("local", ""), "medley-stock": ("ray", "stock")}
KINDS = (*_OURS, "stock", "threads", "bare")


def ours(kind: str, count: int) -> dict[str, float]:
    """The rate of Medley's command between item `_WARM` and the last one, by the end times in its log."""
    runner, task_runner = _OURS[kind]
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{n:05}.noop") for n in range(count + _WARM)]
        for n, path in enumerate(paths):
            path.write_bytes(b"medley-noop\n" + str(n).encode())
        env = {**os.environ, "MEDLEY_HOME": f"{folder}/home", "MEDLEY_RAY__TASK_RUNNER": task_runner or "medley"}
        command = [sys.executable, "-m", "medley", "run", "bench.noop:noop", *paths, "--runner", runner, "--json", "-q"]
        began = time.time()
        done = subprocess.run(command, check=False, cwd=ROOT, env=env, capture_output=True, text=True)
        whole = time.time() - began
        if done.returncode:
            sys.exit(done.stderr[-3000:])
        report = json.loads(done.stdout)
        log = next(Path(folder, "home", "runs").glob("*/log.txt")).read_text()
    assert len(report["items"]) == count + _WARM, len(report["items"])
    assert all(len(item["stages"]) == _STAGES and item["status"] == "complete" for item in report["items"])
    lines = [line for line in log.splitlines() if ".noop: complete" in line]
    ended = sorted(datetime.fromisoformat(line.split("Z ")[0]).timestamp() for line in lines)
    seconds = ended[-1] - ended[_WARM - 1]
    return {"seconds": seconds, "whole_s": whole, "startup_s": report["startup_s"]}


def peer(kind: str, count: int) -> dict[str, float]:
    """The same of a peer: see peers/noop.py."""
    command = [sys.executable, "-m", "bench.peers.noop", kind, str(_WARM), str(count)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(kind: str, count: int) -> dict[str, Any]:
    """One measurement: milliseconds for each task and for each item."""
    found = ours(kind, count) if kind in _OURS else peer(kind, count)
    item_ms = found["seconds"] / count * 1e3
    return {"kind": kind, "n": count, "ms_task": item_ms / _STAGES, "ms_item": item_ms, **found}


def main() -> None:
    """Prints one line for each kind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    parser.add_argument("-n", type=int, default=200)
    given = parser.parse_args()
    for kind in given.kinds:
        found = measure(kind, given.n)
        told = (f"{name} {value:.2f}" if isinstance(value, float) else str(value) for name, value in found.items())
        print(*told, flush=True)


if __name__ == "__main__":
    main()
