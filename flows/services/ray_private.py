"""Everything that we use of Ray beyond its public interface, and what we assume of each: checked by the tests.

Ray 2.60. Nothing else imports `ray._private`, `ray._raylet` or `ray.core` (`make check`).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType

import grpc
import ray  # first, and whole: see prefect_private.py
import ray._private.worker as ray_worker
from ray._private import services
from ray._private.node import Node
from ray._raylet import AuthenticationTokenLoader, GcsClient  # type: ignore[attr-defined]  # compiled
from ray.core.generated import gcs_pb2, gcs_service_pb2, node_manager_pb2, node_manager_pb2_grpc

__all__ = [
    "ALIVE",
    "AuthenticationTokenLoader",
    "GcsClient",
    "Raylet",
    "gcs_service_pb2",
    "quiet_workers",
    "services",
    "session_directory",
]

#: State of a node that lives.
ALIVE = 0


def quiet_workers() -> None:
    """Keeps the death of a worker off our stdout, where Ray prints it whatever `log_to_driver` says."""
    ray_worker._worker_logs_enabled = False


def session_directory() -> str:
    """Returns the directory where the cluster that this process has started keeps its sockets and logs."""
    return str(ray_worker._global_node.get_session_dir_path())


class Raylet:
    """What starts Ray's workers on the machine of this driver."""

    _ANSWER_S = 30.0

    def __init__(self) -> None:
        here = ray.get_runtime_context().get_node_id()
        node = next(node for node in ray.nodes() if node["NodeID"] == here)
        address = f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"
        channel = grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])
        self._calls = node_manager_pb2_grpc.NodeManagerServiceStub(channel)
        token = AuthenticationTokenLoader.instance().get_raw_token()
        self._how = {"timeout": self._ANSWER_S, "metadata": [("authorization", f"Bearer {token}")] if token else None}

    def workers_of_no_job(self) -> int:
        """Counts the workers that have been started and that no job has taken. Raises grpc.RpcError."""
        answer = self._calls.GetNodeStats(node_manager_pb2.GetNodeStatsRequest(), **self._how)
        no_job = ray.JobID.nil().binary()
        return sum(worker.job_id == no_job for worker in answer.core_workers_stats)

    def start_workers(self, count: int, runtime_env: str) -> None:
        """Starts workers of no job, for whoever has `runtime_env`, letter by letter. Raises grpc.RpcError."""
        request = node_manager_pb2.PrestartWorkersRequest(num_workers=count)
        request.keep_alive_duration_secs = 366 * 86_400
        request.runtime_env_info.serialized_runtime_env = runtime_env
        self._calls.PrestartWorkers(request, **self._how)


def _functions(module: ModuleType) -> Iterator[CodeType]:
    """Code of the functions of a module; `inspect.getsource` would load every lazy module that there is."""
    yield from (found.__code__ for found in vars(module).values() if isinstance(found, FunctionType))


def assumptions() -> Iterator[tuple[str, bool]]:
    """Yields each thing that has to be true of Ray, and whether it is true."""
    yield (
        "ray._private.worker prints of workers unless _worker_logs_enabled is False",
        any("_worker_logs_enabled" in code.co_names for code in _functions(ray_worker)),
    )
    yield "the node of a driver tells its session's directory", hasattr(Node, "get_session_dir_path")
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
    methods = node_manager_pb2.DESCRIPTOR.services_by_name["NodeManagerService"].methods_by_name
    for name in ("GetNodeStats", "PrestartWorkers"):
        yield f"NodeManagerService.{name} is there", name in methods
    wanted = node_manager_pb2.PrestartWorkersRequest.DESCRIPTOR.fields_by_name
    for name in ("num_workers", "keep_alive_duration_secs", "runtime_env_info"):
        yield f"PrestartWorkersRequest has {name}", name in wanted
    asked = gcs_service_pb2.DESCRIPTOR.services_by_name["NodeInfoGcsService"].methods_by_name
    yield "NodeInfoGcsService.GetAllNodeInfo is there", "GetAllNodeInfo" in asked
