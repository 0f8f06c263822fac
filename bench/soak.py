"""Does anything grow that ought not to? `make soak MINUTES=30`: a standing installation at the machine's limit.

Files of every kind land in the upload folder as fast as they are worked off, searches go on beside them. Every ten
seconds memory, handles and processes of each part, and the disk of each store are noted; in the end the index is
verified. Writes .bench/results/soak.json and docs/images/soak.svg.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from sqlalchemy import func, select

from bench.plots import over_time
from bench.results import keep
from flows.services.addresses import running
from flows.services.shared import free_port
from medley.catalog import open_catalog
from medley.catalog.tables import outcomes
from medley.settings import load_settings
from tests.conftest import SAMPLE
from tests.documents import both, pdf, picture, placed, text
from tests.variants import cut

_EVERY_S, _BACKLOG, _SECRET = 10.0, 24, "of-the-soak"
_COLOURS = ("red", "green", "blue", "yellow", "purple", "orange")
#: Parts of an installation by words of their command lines; the first that fits.
_PARTS = {
    "Prefect's server": ("prefect server",),
    "vector store": ("lite_server",),
    "service": ("flows.serve", "medley serve"),
    "runs": ("prefect.engine", "prefect flow-run", "worker start", "flows.up.warm"),
    "models and tasks": ("ray::",),
    "Ray": ("raylet", "gcs_server", "ray/"),
    "watcher": ("watch",),
}
_STORES = {"catalog": "catalog.db", "Prefect": "prefect", "artifacts": "artifacts", "vectors": "milvus", "runs": "runs"}
_TITLES = {"memory": "memory, MB", "handles": "open files", "processes": "processes", "disk": "disk, MB"}
ROOT = Path(__file__).parents[1]


def land(n: int, folder: Path) -> None:
    """One file: pictures, then documents, notes and a clip in turn; no two are alike."""
    rng, draft = random.Random(n), folder.parent / f"draft-{n}"
    kind = ("png", "pdf", "md", "png", "mp4")[n % 5]
    shown = picture((160 + n % 97, 120 + n % 89), _COLOURS[n % 6], ("ellipse", "rectangle")[n % 2])
    if kind == "png":
        shown.putpixel((n % 100, n // 100 % 100), (n % 256, n // 256 % 256, 7))
        shown.save(draft, "PNG")
    elif kind == "pdf":
        page = both(text((72, 100, f"Document {n} tells of {n * 37} elephants.")), placed(shown, 100, 150, 200, 150))
        pdf(draft, page)
    elif kind == "md":
        draft.write_text(f"# Harbour {n}\n\nThe budget of harbour {n} was spent on {n * 7} cranes.\n")
    else:
        cut(SAMPLE, draft.with_suffix(".mp4"), start_s=rng.uniform(0, 25), seconds=2 + rng.random())
        draft.with_suffix(".mp4").rename(draft)
    draft.rename(folder / f"{n:06}.{kind}")


class Searches(threading.Thread):
    """One search a second, as long as the block lasts."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url, self._done = url, threading.Event()
        self.seconds: list[float] = []
        self.failed = 0

    def run(self) -> None:
        """Asks until `end`."""
        headers = {"Authorization": f"Bearer {_SECRET}"}
        with httpx.Client(base_url=self._url, headers=headers, timeout=60) as client:
            while not self._done.wait(1.0):
                began = time.monotonic()
                try:
                    client.get("/api/search", params={"query": "a red circle"}).raise_for_status()
                    self.seconds.append(time.monotonic() - began)
                except httpx.HTTPError:
                    self.failed += 1

    def end(self) -> None:
        """Asks no more."""
        self._done.set()
        self.join()


def sample(home: Path) -> dict[str, Any]:
    """Memory in MB, handles and processes by part; disk in MB by store."""
    found: dict[str, Any] = {"memory": defaultdict(float), "handles": defaultdict(int), "processes": defaultdict(int)}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get("MEDLEY_HOME") != str(home) or process.pid == os.getpid():
                continue
            line = " ".join(process.cmdline())
            part = next((name for name, words in _PARTS.items() if any(word in line for word in words)), "other")
            found["memory"][part] += process.memory_full_info().uss / 1e6
            found["handles"][part] += process.num_fds()
            found["processes"][part] += 1
    found["disk"] = {name: _size_mb(home / place) for name, place in _STORES.items()}
    return found


def _size_mb(place: Path) -> float:
    if place.is_file():
        return place.stat().st_size / 1e6
    total = 0
    for directory, _, names in os.walk(place):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(directory, name)).st_size
    return total / 1e6


def _ended() -> int:
    with open_catalog(load_settings()).engine.connect() as connection:
        done = select(func.count()).select_from(outcomes).where(outcomes.c.status != "running")
        return int(connection.execute(done).scalar_one())


def soak(home: Path, minutes: float) -> dict[str, Any]:
    """Lets files land for so long, and notes what there is."""
    folder, landed, series = home / "uploads", 0, []
    began = noted = time.monotonic()
    while time.monotonic() - began < minutes * 60:
        while landed - _ended() < _BACKLOG:
            land(landed, folder)
            landed += 1
        if time.monotonic() >= noted:
            noted += _EVERY_S
            series.append({"at_s": round(time.monotonic() - began), "ended": _ended(), **sample(home)})
        time.sleep(0.5)
    until = time.monotonic() + 600
    while _ended() < landed and time.monotonic() < until:
        time.sleep(1)
    return {"landed": landed, "ended": _ended(), "series": series}


def medley(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of ours."""
    command = [sys.executable, "-P", "-m", "medley", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def installed(home: Path) -> Iterator[str]:
    """A standing installation; yields the address of its service."""
    ports = {f"MEDLEY_UP__{name}_PORT": str(free_port()) for name in ("PREFECT", "RAY", "DASHBOARD", "STORE")}
    ours = {"MEDLEY_HOME": str(home), "MEDLEY_PROFILE": "demo", "MEDLEY_TOKEN": _SECRET}
    os.environ.update(ports | ours | {"MEDLEY_SERVE__PORT": str(free_port())})
    try:
        up = medley("up", "--detach")
        if up.returncode:
            raise SystemExit(up.stderr)
        service = running("serve", load_settings())
        assert service, "medley up has started it"
        yield service
    finally:
        medley("down")


def grown(series: list[dict[str, Any]], what: str) -> dict[str, tuple[float, float]]:
    """Of each part: the median of the second sixth of the time, and of the last one."""
    sixth = max(1, len(series) // 6)
    parts = sorted({part for one in series for part in one[what]})
    median = lambda some, part: float(np.median([one[what].get(part, 0) for one in some]))  # noqa: E731
    return {part: (median(series[sixth : 2 * sixth], part), median(series[-sixth:], part)) for part in parts}


def main() -> int:
    """Soaks, tells what has grown, and verifies; exit status 1 where something was lost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        home = Path(directory) / "home"
        with installed(home) as url:
            searches = Searches(url)
            searches.start()
            found = soak(home, arguments.minutes)
            searches.end()
            verified = json.loads(medley("verify", "--json").stdout)
    quick, slow = (round(float(each), 3) for each in np.percentile(searches.seconds, [50, 95]))
    asked = {"count": len(searches.seconds), "failed": searches.failed, "median_s": quick, "p95_s": slow}
    told = {what: grown(found["series"], what) for what in _TITLES}
    keep("soak", {**found, "minutes": arguments.minutes, "searches": asked, "faults": len(verified["faults"])})
    over_time(ROOT / "docs" / "images" / "soak.svg", found["series"], _TITLES)
    print(f"{found['ended']} of {found['landed']} files, {len(verified['faults'])} faults, searches {asked}")
    for what, parts in told.items():
        print(what, {part: f"{early:.0f} -> {late:.0f}" for part, (early, late) in parts.items()})
    return 1 if verified["faults"] or found["ended"] < found["landed"] or searches.failed else 0


if __name__ == "__main__":
    sys.exit(main())
