"""Do time and memory of an item grow with their number? `make bench-growth`: 10 to 1,000 pictures under `medley up`.

Memory is the proportional set size of all processes of the installation at its highest, services and models included.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
from collections import defaultdict
from pathlib import Path

import psutil

from bench.corpus import images
from bench.product import standing
from bench.results import keep, turns_wanted

COUNTS = (10, 100, 250, 500, 1000)
_EVERY_S = 0.5


class Peak(threading.Thread):
    """Memory of all processes of a home while the block runs, in MB."""

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self._home, self._ended = str(home), threading.Event()
        self.mb = 0.0

    def __enter__(self) -> Peak:
        """Begins."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Looks until it is told to end."""
        while not self._ended.wait(_EVERY_S):
            self.mb = max(self.mb, sum(map(self._look, psutil.process_iter())))

    def _look(self, process: psutil.Process) -> float:
        try:
            if process.environ().get("MEDLEY_HOME") != self._home:
                return 0.0
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        except (psutil.Error, OSError):
            return 0.0
        return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1e3


def main() -> None:
    """A line for each number of pictures."""
    turns = turns_wanted()
    seconds: dict[int, list[float]] = defaultdict(list)
    peaks: dict[int, list[float]] = defaultdict(list)
    for turn in range(turns):
        with tempfile.TemporaryDirectory(prefix="bench") as directory, standing() as installation:
            images(Path(directory, "warm"), 50, 100 + turn)
            installation.ingest("ingest", Path(directory, "warm"))
            for n, count in enumerate(COUNTS):
                images(Path(directory, str(count)), count, turn * len(COUNTS) + n)
                with Peak(installation.home) as peak:
                    seconds[count].append(installation.ingest("ingest", Path(directory, str(count)))[0])
                peaks[count].append(peak.mb)
        print({count: (round(seconds[count][-1], 1), round(peaks[count][-1])) for count in COUNTS}, flush=True)
    for count in COUNTS:
        middle = statistics.median(seconds[count])
        each_ms, mb = 1e3 * middle / count, statistics.median(peaks[count])
        print(f"{count:>6} pictures: {middle:6.1f} s, {each_ms:6.1f} ms each, {mb:6.0f} MB at the peak")
    keep("growth", {"turns": turns, "seconds": seconds, "peak_mb": peaks})


if __name__ == "__main__":
    main()
