"""Parts of one long file, worked on at the same time: by threads of this machine, or by the machines of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from medley.system.machine import cpus
from medley.types import Asset

#: Works on one part: `work(asset, job, directory)` leaves files in the directory and returns what else there is.
PartWork = Callable[[Asset, Any, Path], Any]


class Spread(Protocol):
    """Where parts are worked on. `machines`: how many there are for it."""

    machines: int

    def run(self, work: PartWork, asset: Asset, jobs: Sequence[Any], directory: Path) -> Iterator[Any]:
        """Yields what `work` returns for each job, in their order; the files of all parts end up in `directory`.

        Raises what `work` raises; Cancelled.
        """
        ...


class Threads:
    """Parts in threads of this process: what they ask of children counts as theirs."""

    machines = 1

    def run(self, work: PartWork, asset: Asset, jobs: Sequence[Any], directory: Path) -> Iterator[Any]:
        """Yields what `work` returns for each job; see `Spread`."""
        if not jobs:
            return
        with ThreadPoolExecutor(max_workers=min(len(jobs), cpus())) as pool:
            yield from pool.map(lambda job: work(asset, job, directory), jobs)


HERE = Threads()
