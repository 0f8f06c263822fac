"""What pools use of Ray beyond its public interface; see flows/services/ray_private.py. Checked by the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ray
import ray._private.worker as ray_worker
from ray._raylet import GcsClient  # type: ignore[attr-defined]  # compiled

_ANSWER_S = 10.0


def draining_nodes() -> set[str]:
    """Returns the ids of the nodes that are to leave the cluster: spot machines on notice, idle ones."""
    return set(ray_worker.global_worker.gcs_client.get_draining_nodes(timeout=_ANSWER_S))


def assumptions() -> Iterator[tuple[str, bool]]:
    """Yields each thing that has to be true of Ray, and whether it is true."""
    yield "GcsClient hands get_draining_nodes() on", hasattr(GcsClient, "__getattr__")
    yield "Ray's own library asks for draining nodes by that name", "get_draining_nodes" in _source()


def _source() -> str:
    return (Path(ray.__file__).parent / "serve" / "_private" / "cluster_node_info_cache.py").read_text()
