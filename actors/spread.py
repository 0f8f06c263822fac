"""Parts of one long file on the machines of a cluster, as tasks of Ray."""

from __future__ import annotations

import logging
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from medley.artifacts import ArtifactStore
from medley.errors import MedleyError, TransientError
from medley.media.source import asset_here
from medley.media.spread import HERE, PartWork, Spread
from medley.system.stop import raise_if_stopped
from medley.types import Asset

logger = logging.getLogger("medley.spread")
_TICK_S = 0.5
_KNOWN_S = 10.0  # for which the number of machines is taken to stay the same
_machines: tuple[float, int, int] = (0.0, 1, 1)  #: when it was looked at, machines that take tasks, their CPUs


class RaySpread:
    """Parts on any node with a free CPU; a node that is lost costs its parts another try elsewhere."""

    def __init__(self, artifacts: ArtifactStore, machines: int, cpus: int) -> None:
        self._artifacts, self.machines, self._most = artifacts, machines, cpus

    def run(self, work: PartWork, asset: Asset, jobs: Sequence[Any], directory: Path) -> Iterator[Any]:
        """Yields what `work` returns for each job; see `medley.media.spread.Spread`. Raises TransientError."""
        part = ray.remote(_part).options(num_cpus=1, max_retries=2, scheduling_strategy="SPREAD")
        waiting, asked, nodes = deque(jobs), deque[Any](), set[str]()
        try:
            while waiting or asked:
                while waiting and len(asked) < self._most:
                    asked.append(part.remote(work, asset, waiting.popleft(), self._artifacts))
                result, files, node = _answer(asked[0])
                asked.popleft()
                nodes.add(node)
                for name, content in files.items():
                    (directory / name).write_bytes(content)
                yield result
        finally:
            for ref in asked:
                ray.cancel(ref)
        logger.info("%s: %d parts worked on by %s", asset.name, len(jobs), ", ".join(sorted(nodes)))


def ray_spread(artifacts: ArtifactStore) -> Spread:
    """Returns the machines of the cluster that this process is on; this one alone where there are no others."""
    global _machines  # noqa: PLW0603  # asked for by every stage of a long file
    seen, machines, cpus = _machines
    if time.monotonic() - seen > _KNOWN_S:
        found = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
        machines, cpus = sum(1 for each in found if each), int(sum(found))
        _machines = (time.monotonic(), machines, cpus)
    return RaySpread(artifacts, machines, cpus) if machines > 1 else HERE


def _part(work: PartWork, asset: Asset, job: Any, artifacts: ArtifactStore) -> tuple[Any, dict[str, bytes], str]:
    with tempfile.TemporaryDirectory() as made, asset_here(asset, artifacts) as here:
        result = work(here, job, Path(made))
        files = {path.name: path.read_bytes() for path in Path(made).iterdir() if path.is_file()}
        return result, files, ray.util.get_node_ip_address()


def _answer(ref: Any) -> Any:
    while True:
        raise_if_stopped()
        try:
            return ray.get(ref, timeout=_TICK_S)
        except GetTimeoutError:
            continue
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, MedleyError) else error from error
        except RayError as error:
            raise TransientError(f"a part could not be worked on: {str(error).splitlines()[0]}") from error
