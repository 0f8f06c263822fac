"""How long until something is there: `make bench-start [-n REPETITIONS]`.

Nothing running: from the command to the first records of a clip in the store. Services up: from the command to its
first stage. The same of stock Prefect on Ray: a cluster and a server of its own, the same stage functions.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.corpus import clip
from bench.peers.prefect_server import prefect_server
from bench.peers.run import in_temporary_work
from bench.product import cold, standing
from bench.results import keep, turns_wanted

_SECONDS = 40
_FLOW = """
import os, time
import ray
ray.init(address=os.environ["BENCH_RAY"], namespace="prefect", logging_level="ERROR", log_to_driver=False)
from prefect import flow, task
from prefect_ray import RayTaskRunner
first = task(lambda: time.time(), name="first")
print(flow(lambda: first.submit().result(), name="one", task_runner=RayTaskRunner())())
"""


def moments(report: dict[str, Any]) -> tuple[float, float]:
    """When the first stage of a report began, and when its first write had ended, seconds since 1970."""
    stages = [stage for item in report["items"] for stage in item["stages"]]
    began = {stage["name"]: datetime.fromisoformat(stage["started"]).timestamp() for stage in stages}
    written = (began[s["name"]] + s["seconds"] for s in stages if s["name"].startswith("write"))
    return min(began.values()), min(written)


def stock_warm() -> float:
    """From the start of a script to its first task, on a server and a cluster that are up."""
    with prefect_server():
        ray = [str(Path(sys.executable).with_name("ray"))]
        env = {**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "BENCH_RAY": "auto"}
        options = ["--head", "--block", "--num-cpus=2", "--port=0", "--include-dashboard=false"]
        with tempfile.TemporaryDirectory(prefix="r") as place:
            head = [*ray, "start", *options, f"--temp-dir={place}"]
            cluster = subprocess.Popen(head, env=env, stdout=subprocess.PIPE, text=True)
            assert cluster.stdout
            for line in cluster.stdout:
                if found := re.search(r"--address='?([0-9.]+:[0-9]+)", line):
                    env["BENCH_RAY"] = found[1]
                    break
            try:
                for _ in range(2):  # the first one imports for the others
                    began = time.time()
                    done = subprocess.run(
                        [sys.executable, "-c", _FLOW], env=env, capture_output=True, text=True, check=False
                    )
                    if done.returncode:
                        raise RuntimeError(done.stderr[-2000:])
                return float(done.stdout.splitlines()[-1]) - began
            finally:
                cluster.terminate()
                cluster.wait()


def measure(turn: int) -> dict[str, float]:
    """Seconds of one turn."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="bench") as directory:
        for n in range(4):
            Path(directory, f"{n}").mkdir()
            clip(Path(directory, f"{n}", f"{n}.mp4"), _SECONDS, (turn * 4 + n) / 10)
        with cold() as installation:
            began = time.time()
            _, report = installation.ingest("video", f"{directory}/0/0.mp4")
            found["nothing running, Medley"] = moments(report)[1] - began
        peer = in_temporary_work([sys.executable, "-m", "bench.peers.prefect_ray_stock", f"video:{directory}/0"])
        found["nothing running, Prefect on Ray"] = peer["start_s"] + peer["steps"][0]["seconds"]
        with standing() as installation:
            for n, name in ((1, "first command"), (2, "second")):
                began = time.time()
                _, report = installation.ingest("video", f"{directory}/{n}/{n}.mp4")
                found[f"services up, Medley, {name}"] = moments(report)[0] - began
        found["services up, Prefect on Ray"] = stock_warm()
    return found


def main() -> None:
    """A line for each turn, then medians."""
    turns = turns_wanted()
    seconds: dict[str, list[float]] = defaultdict(list)
    for turn in range(turns):
        for name, value in measure(turn).items():
            seconds[name].append(value)
        print({name: round(some[-1], 1) for name, some in seconds.items()}, flush=True)
    for name, some in seconds.items():
        print(f"{name:>36}: {statistics.median(some):5.1f} s")
    keep("start", {"turns": turns, "seconds": seconds})


if __name__ == "__main__":
    main()
