"""One long video among forty short clips: `make bench-skew [-n REPETITIONS]`.

No plan can end before the long one does alone, nor before the speech model has heard everything: it is one, and takes
one call at a time. Everything is timed under `medley up`, models warm; Ray actors do the same folder.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from bench.corpus import clip
from bench.peers.run import in_temporary_work
from bench.product import standing
from bench.results import keep, turns_wanted

LONG_S, SHORT_S, SHORT = 600, 10, 40


def make(folder: Path, seed: int) -> None:
    """Folders `warm`, `long`, `short` and `all`, the same files in no two of them."""
    for n, (name, long, short) in enumerate((("warm", 0, 4), ("long", 1, 0), ("short", 0, SHORT), ("all", 1, SHORT))):
        (folder / name).mkdir(parents=True)
        start_s = (seed * 4 + n) / 10  # of the sample: another second, other frames
        for k in range(short):
            clip(folder / name / f"short{k:02}.mp4", SHORT_S, (start_s + k * 0.77) % 35)
        for _ in range(long):
            clip(folder / name / "long.mp4", LONG_S, start_s)


def main() -> None:
    """A line for each turn, then medians and how much of the short ones was hidden behind the long one."""
    turns = turns_wanted()
    seconds: dict[str, list[float]] = defaultdict(list)
    for turn in range(turns):
        with tempfile.TemporaryDirectory(prefix="bench") as directory:
            folder = Path(directory)
            make(folder, turn)
            with standing() as installation:
                for name in ("warm", "long", "short", "all"):
                    seconds[name].append(installation.ingest("ingest", folder / name)[0])
            steps = [f"video:{folder / 'warm'}", f"video:{folder / 'all'}"]
            found = in_temporary_work([sys.executable, "-m", "bench.peers.ray_actors", *steps])
            seconds["Ray actors, all"].append(found["steps"][1]["seconds"])
        print({name: round(some[-1], 1) for name, some in seconds.items()}, flush=True)
    middle = {name: statistics.median(some) for name, some in seconds.items()}
    print(f"all, against the long one alone: {middle['all'] / middle['long']:.2f}")
    print(
        f"all, against the long one and then the short ones: {middle['all'] / (middle['long'] + middle['short']):.2f}"
    )
    print(f"Ray actors, against Medley: {middle['Ray actors, all'] / middle['all']:.2f}")
    keep("skew", {"turns": turns, "seconds": seconds})


if __name__ == "__main__":
    main()
