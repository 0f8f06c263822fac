"""How long loading each demo model takes: `make bench-load`.

Each time in a new process on one thread, as an actor does it; importing the libraries is told apart from loading.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
REPETITIONS = 5
_CHILD = """
import importlib, json, sys, time
from medley.models.base import load_model
from medley.models.profiles import models_of
from medley.option_values import Profile
from medley.options import ModelOptions
spec = getattr(models_of(Profile.DEMO, ModelOptions()), sys.argv[1])
began = time.perf_counter()
importlib.import_module(f"medley.models.{spec.loader}")
imported = time.perf_counter()
load_model(spec, threads=1)
print(json.dumps([imported - began, time.perf_counter() - imported]))
"""


def measure(kind: str) -> tuple[float, float]:
    """Seconds to import the library and to load the model of a kind, ready to work."""
    done = subprocess.run([sys.executable, "-c", _CHILD, kind], cwd=ROOT, capture_output=True, check=True)
    imported, loaded = json.loads(done.stdout.splitlines()[-1])
    return imported, loaded


def main() -> None:
    """Prints medians and spread, the models in turn."""
    kinds = ("speech", "vision")
    runs = [{kind: measure(kind) for kind in kinds} for _ in range(REPETITIONS)]
    print(f"cores {os.cpu_count()}, threads 1, median of {REPETITIONS} new processes")
    for kind in kinds:
        imports, loads = ([run[kind][part] for run in runs] for part in (0, 1))
        spread = f"({min(loads):.2f} to {max(loads):.2f})"
        print(f"{kind:7s} load {statistics.median(loads):5.2f} s {spread}, import {statistics.median(imports):5.2f} s")


if __name__ == "__main__":
    main()
