"""Runs a peer in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

THREADS = "1"  # of each model, as Medley has it on two cores


def in_temporary_work(command: list[str]) -> dict[str, Any]:
    """Its answer. Raises RuntimeError with its last words."""
    with tempfile.TemporaryDirectory(prefix="bench") as work:
        env = {**os.environ, "BENCH_WORK": work, "BENCH_SPAWNED": str(time.time()), "OMP_NUM_THREADS": THREADS}
        env |= {"PYTHONPATH": str(Path(__file__).parents[2] / ".bench")}  # of bench/requirements.txt
        env |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}  # plain Ray, as everybody starts it
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
