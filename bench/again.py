"""What is done a second time: `make bench-again [-n REPETITIONS]`, a hundred PDFs under `medley up`.

The first run; nothing changed; one of them changed; then others, whose run is killed (SIGKILL) half way, and a second
run that goes on. Counts stages, and fails where an unchanged run has started one.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from sqlalchemy import create_engine, text

from bench import corpus
from bench.product import Installation, stages_run, standing
from bench.results import keep, turns_wanted

COUNT = 100


def ended(installation: Installation) -> int:
    """How many items are complete, by the catalog."""
    engine = create_engine(f"sqlite:///{installation.home / 'catalog.db'}")
    with engine.connect() as connection:
        found = int(connection.execute(text("SELECT count(*) FROM outcomes WHERE status = 'complete'")).scalar_one())
    engine.dispose()
    return found


def killed(installation: Installation, folder: Path) -> int:
    """Kills a run once half of the folder is complete; how many were."""
    before = ended(installation)
    with installation.start("ingest", folder, "--profile", "demo", "--json") as child:
        while (done := ended(installation) - before) < COUNT // 2:
            time.sleep(0.05)
            assert child.poll() is None, "it had ended before"
        os.kill(child.pid, signal.SIGKILL)
    return done


def measure(turn: int) -> tuple[dict[str, float], dict[str, int]]:
    """Seconds, and stages run, of one turn."""
    seconds, stages = {}, {}
    with tempfile.TemporaryDirectory(prefix="bench") as directory, standing() as installation:
        first, other = Path(directory, "first"), Path(directory, "other")
        corpus.pdfs(Path(directory, "warm"), 3, 3 * turn)
        corpus.pdfs(first, COUNT, 3 * turn + 1)
        corpus.pdfs(other, COUNT, 3 * turn + 2)
        installation.ingest("ingest", Path(directory, "warm"))

        def run(name: str, folder: Path) -> None:
            seconds[name], report = installation.ingest("ingest", folder)
            stages[name] = stages_run(report)
            wrong = [item for item in report["items"] if item["status"] not in ("complete", "unchanged")]
            assert not wrong, wrong[:1]

        run("first", first)
        run("again", first)
        if stages["again"]:
            sys.exit("an unchanged run did something")
        (first / "0007.pdf").write_bytes((Path(directory, "warm", "0000.pdf")).read_bytes() + b"\n%another one\n")
        run("one changed", first)
        stages["complete when killed"] = killed(installation, other)
        run("after a kill", other)
    return seconds, stages


def main() -> None:
    """A line for each turn, then medians."""
    turns = turns_wanted()
    seconds: dict[str, list[float]] = defaultdict(list)
    stages: dict[str, list[int]] = defaultdict(list)
    for turn in range(turns):
        times, counts = measure(turn)
        for name, value in times.items():
            seconds[name].append(value)
        for name, count in counts.items():
            stages[name].append(count)
        print({name: round(some[-1], 2) for name, some in seconds.items()}, counts, flush=True)
    first = statistics.median(seconds["first"])
    for name, some in seconds.items():
        print(f"{name:>13}: {statistics.median(some):6.2f} s, {statistics.median(some) / first:.3f} of the first")
    keep("again", {"turns": turns, "items": COUNT, "seconds": seconds, "stages": stages})


if __name__ == "__main__":
    main()
