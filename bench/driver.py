"""Does a driver grow with its items? `make bench-driver`: memory of the command itself, 1,000 to 20,000 pictures.

One `medley ingest` of all of them, on a private Ray; the resident set of its process when that many have ended. It sees
every item; what it keeps of each is on disk.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from pathlib import Path

import psutil
from PIL import Image

from bench.product import cold
from bench.results import keep

COUNTS = (1_000, 2_000, 5_000, 10_000, 19_900)  # the last hundred may end with the command
_EVERY_S = 0.5


def pictures(folder: Path, count: int) -> None:
    """Small PNGs, all of other content."""
    for n in range(count):
        if n % 1000 == 0:
            (folder / f"{n // 1000:02}").mkdir(parents=True)
        Image.new("RGB", (16, 16), (n & 255, n >> 8, 77)).save(folder / f"{n // 1000:02}" / f"{n:05}.png")


def ended(home: Path) -> int:
    """How many items are complete, by the catalog."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(home / "catalog.db")) as catalog:
        return int(catalog.execute("SELECT count(*) FROM outcomes WHERE status = 'complete'").fetchone()[0])
    return 0


def main() -> None:
    """Measures and prints."""
    with cold() as installation:
        folder = installation.home / "pictures"
        pictures(folder, 20_000)
        began, found, open_counts = time.monotonic(), {}, list(COUNTS)
        child = installation.start("ingest", folder, "--profile", "demo", "--json")
        said: list[str] = []
        reading = threading.Thread(target=lambda: said.extend(child.stdout or ()), daemon=True)
        reading.start()
        driver = psutil.Process(child.pid)
        while child.poll() is None and open_counts:
            if ended(installation.home) >= open_counts[0]:
                found[open_counts.pop(0)] = round(driver.memory_info().rss / 1e6)
            time.sleep(_EVERY_S)
        child.wait()
        reading.join(timeout=60)
        seconds = time.monotonic() - began
    statuses = json.loads("".join(said))["status"]
    for count, mb in found.items():
        print(f"{count:6} items  {mb:5} MB")
    print(f"{seconds:.0f} s, {statuses}")
    keep("driver", {"mb": found, "seconds": seconds})


if __name__ == "__main__":
    main()
