"""Everything that we use of Ray beyond its public interface, and what we assume of each: checked by the tests.

Ray 2.60. Nothing else imports `ray._private`, `ray._raylet` or `ray.core` (`make check`).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType

import ray  # noqa: F401  # first, and whole: see prefect_private.py
import ray._private.worker as ray_worker
from ray._private import services
from ray._raylet import AuthenticationTokenLoader, GcsClient  # type: ignore[attr-defined]  # compiled
from ray.core.generated import gcs_pb2, gcs_service_pb2

__all__ = ["ALIVE", "AuthenticationTokenLoader", "GcsClient", "gcs_service_pb2", "quiet_workers", "services"]

#: State of a node that lives.
ALIVE = 0


def quiet_workers() -> None:
    """Keeps the death of a worker off our stdout, where Ray prints it whatever `log_to_driver` says."""
    ray_worker._worker_logs_enabled = False


def _functions(module: ModuleType) -> Iterator[CodeType]:
    """Code of the functions of a module; `inspect.getsource` would load every lazy module that there is."""
    yield from (found.__code__ for found in vars(module).values() if isinstance(found, FunctionType))


def assumptions() -> Iterator[tuple[str, bool]]:
    """What has to be true of Ray, and whether it is."""
    yield (
        "ray._private.worker prints of workers unless _worker_logs_enabled is False",
        any("_worker_logs_enabled" in code.co_names for code in _functions(ray_worker)),
    )
    yield "services.find_gcs_addresses() takes nothing", not inspect.signature(services.find_gcs_addresses).parameters
    yield "services.find_bootstrap_address(temp_dir) is there", callable(services.find_bootstrap_address)
    yield (
        "AuthenticationTokenLoader.instance().get_raw_token() is there",
        (hasattr(AuthenticationTokenLoader, "instance") and hasattr(AuthenticationTokenLoader, "get_raw_token")),
    )
    yield "GcsClient hands get_all_node_info() on", hasattr(GcsClient, "__getattr__")
    yield "the state of a living node is 0", gcs_pb2.GcsNodeInfo.ALIVE == ALIVE
    fields = gcs_pb2.GcsNodeInfo.DESCRIPTOR.fields_by_name
    for name in ("state", "node_manager_address", "node_manager_hostname", "resources_total"):
        yield f"GcsNodeInfo has {name}", name in fields
    asked = gcs_service_pb2.DESCRIPTOR.services_by_name["NodeInfoGcsService"].methods_by_name
    yield "NodeInfoGcsService.GetAllNodeInfo is there", "GetAllNodeInfo" in asked
