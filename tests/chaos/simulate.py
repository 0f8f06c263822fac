"""`make simulate SEEDS=10000 SEED=1`: that many stories on all CPUs; exit status 1 with the seeds that ended badly."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import shutil
import sys
import tempfile
import time
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tests.chaos.simulation import Simulation, template

_AT_ONCE = 50


def played(seeds: range, directory: Path, empty: Path) -> dict[int, list[str]]:
    """Plays the stories of some seeds; returns what must not be, by seed."""
    wrong, before = {}, logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    for seed in seeds:
        place = directory / str(seed)
        if told := Simulation(seed, place, empty).play():
            wrong[seed] = told
        shutil.rmtree(place, ignore_errors=True)
    gc.collect()  # of threads that were killed, what they held
    logging.disable(before)
    return wrong


def main() -> int:
    """Plays all of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a disk would wait for each story
    began, wrong = time.monotonic(), dict[int, list[str]]()
    fresh = get_context("spawn")  # and again after some parts: ProcessPoolExecutor of Python 3.11 hangs over that
    with tempfile.TemporaryDirectory(dir=memory) as directory, fresh.Pool(maxtasksperchild=10) as pool:
        os.environ |= {"MEDLEY_HOME": directory, "MEDLEY_PROFILE": "demo"}
        home = Path(directory, "empty")
        home.mkdir()
        empty = template(home)
        ends = asked.seed + asked.seeds
        parts = [range(at, min(at + _AT_ONCE, ends)) for at in range(asked.seed, ends, _AT_ONCE)]
        play = partial(played, directory=Path(directory), empty=empty)
        for part, told in zip(parts, pool.imap(play, parts), strict=True):
            wrong |= told
            print(f"{part.stop - asked.seed} stories, {len(wrong)} ended badly", end="\r", flush=True)
    print(f"\n{asked.seeds} stories in {time.monotonic() - began:.0f} s")
    for seed, told in wrong.items():
        print(f"seed {seed}: {'; '.join(told)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
