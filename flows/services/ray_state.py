"""A cluster that this process has joined: whether it is well, and what it has."""

from __future__ import annotations

from dataclasses import dataclass

import ray
from ray.exceptions import RayError, RpcError

from flows.services.ray_private import ALIVE, GcsClient
from flows.services.supervise import is_reachable

_REACH_S = 5.0


def lost_cluster() -> str:
    """Says why the cluster that this process has joined can finish nothing any more; empty if the cluster is well.

    Ray says nothing when the raylet beside the driver dies, and aborts the driver a minute after the GCS died.
    """
    if not ray.is_initialized():
        return ""
    context = ray.get_runtime_context()
    gcs = context.gcs_address
    if not is_reachable(f"tcp://{gcs}", _REACH_S):
        return f"its head node does not answer at {gcs}"
    try:
        nodes = GcsClient(address=gcs).get_all_node_info(timeout=_REACH_S).values()
    except RpcError:
        return ""  # busy, or going away just now: the next look tells
    ours = next((node for node in nodes if node.node_id.hex() == context.get_node_id()), None)
    return "" if ours is None or ours.state == ALIVE else "the raylet of this machine has died"


@dataclass(frozen=True, slots=True)
class Resources:
    """What the nodes of a cluster declare for tasks, and what of it nothing has asked for."""

    cpus: float
    free_cpus: float
    memory_bytes: float


def resources() -> Resources | None:
    """Returns the resources of the cluster that this process has joined; None where there is none, or no answer."""
    if not ray.is_initialized():
        return None
    try:
        declared, free = ray.cluster_resources(), ray.available_resources()
    except (RayError, RpcError):
        return None
    return Resources(declared.get("CPU", 0.0), free.get("CPU", 0.0), declared.get("memory", 0.0))


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """What a cluster declares, and why a worker of it does not reach a URL (empty where it does)."""

    nodes: int
    cpus: float
    gpus: float
    error: str


def on_a_worker(url: str | None, timeout_s: float) -> ClusterInfo:
    """Looks at the cluster that this process has joined, and from a worker of it at `url`."""
    declared = ray.cluster_resources()
    error = ""
    if url:
        try:
            there = ray.remote(is_reachable).options(num_cpus=0.1).remote(url, 10.0)
            error = "" if ray.get(there, timeout=timeout_s) else "no answer"
        except RayError as lost:
            error = str(lost).splitlines()[0]
    nodes = sum(1 for node in ray.nodes() if node["Alive"])
    return ClusterInfo(nodes, declared.get("CPU", 0.0), declared.get("GPU", 0.0), error)
