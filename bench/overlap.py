"""How well CPUs, two models and branches are kept busy at once: `make bench-overlap [-n REPETITIONS]`.

Thirty-two items of a DAG whose stages only simulate work (`peers/simulated.py`): CPUs burn, models sleep as if a GPU
were at it. No orchestration can be faster than `least_s`; the rest is its cost. A peer's time is that of a warm
process, Medley's that of a whole command under `medley up`.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from bench.overlap_dag import HEAD
from bench.peers.run import in_temporary_work
from bench.peers.simulated import least_s
from bench.product import Installation, standing
from bench.results import keep, turns_wanted

ITEMS, WARM = 32, 4
PEERS = ("loop", "ray_actors", "ray_data", "daft", "prefect_threads", "prefect_ray_stock")


def ours(installation: Installation, count: int, seed: str) -> float:
    """Seconds of one command."""
    with tempfile.TemporaryDirectory() as folder:
        for n in range(count):
            Path(folder, f"{n:03}.overlap").write_bytes(HEAD + f"{seed} {n}".encode())
        seconds, out = installation.run("run", "bench.overlap_dag:overlap", *sorted(Path(folder).iterdir()), "--json")
    assert [item["status"] for item in json.loads(out)["items"]] == ["complete"] * count
    return seconds


def main() -> None:
    """A line for each run, then efficiencies."""
    turns = turns_wanted()
    seconds: dict[str, list[float]] = defaultdict(list)
    for turn in range(turns):
        for name in PEERS:
            command = [sys.executable, "-m", "bench.peers.overlap", name, str(WARM), str(ITEMS)]
            seconds[name].append(in_temporary_work(command)["seconds"])
        with standing() as installation:
            ours(installation, WARM, f"warm {turn}")
            seconds["Medley"].append(ours(installation, ITEMS, str(turn)))
        print({name: round(found[-1], 2) for name, found in seconds.items()}, flush=True)
    least = least_s(ITEMS, os.cpu_count() or 1)
    for name, found in seconds.items():
        middle = statistics.median(found)
        print(f"{name:>18}: {middle:6.2f} s, efficiency {least / middle:.2f}")
    keep("overlap", {"items": ITEMS, "least_s": least, "turns": turns, "seconds": seconds})


if __name__ == "__main__":
    main()
