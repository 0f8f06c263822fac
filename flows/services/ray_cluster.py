"""A Ray cluster before it is joined: whether it is one, lets us in, and has this machine as a node.

Ray itself waits 20 to 60 s on each of these, and says no more than "Failed to connect".
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psutil

from flows.services.addresses import require_reachable
from flows.services.ray_private import ALIVE, AuthenticationTokenLoader, gcs_service_pb2, services
from medley.errors import ServiceUnreachable, SetupError

SETTING = "MEDLEY_RAY__ADDRESS or RAY_ADDRESS"
_NODES = "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo"
_REACH_S, _ANSWER_S = 3.0, 10.0
_CLIENT = "ray://"


@dataclass(frozen=True, slots=True)
class Node:
    """A living node, as the head of the cluster has it."""

    address: str
    host: str
    gpus: float


def joinable(given: str) -> str:
    """Returns the host:port of the cluster that `given` means.

    Raises SetupError, ServiceUnreachable where this machine cannot join that cluster.
    """
    address = resolved(given)
    nodes = living_nodes(address)
    ours = {known.address for found in psutil.net_if_addrs().values() for known in found}
    if not any(node.address in ours or node.host == socket.gethostname() for node in nodes):
        others = ", ".join(sorted(node.address for node in nodes)[:5])
        remedy = f"Run it on a node of the cluster, or make this machine one: ray start --address={address}"
        raise SetupError(f"this machine is no node of the Ray cluster at {address} (nodes: {others})", remedy=remedy)
    return address


def resolved(given: str) -> str:
    """Returns the address of the cluster that `given` means: `auto` is the cluster that runs on this machine."""
    if given.startswith(_CLIENT):
        remedy = "Run the command on a node of the cluster with its host:port, or as a Ray job (ray job submit)"
        raise SetupError(f"{given} ({SETTING}): Ray's client mode cannot carry a run", remedy=remedy)
    if given != "auto":
        return given
    running, last = services.find_gcs_addresses(), services.find_bootstrap_address(None)
    if last in running or len(running) == 1:
        return str(last if last in running else next(iter(running)))
    what = f"several: {', '.join(sorted(running))}" if running else "none"
    raise ServiceUnreachable(
        f"{SETTING} is auto, and of Ray clusters on this machine there are {what}", remedy="Name it"
    )


def living_nodes(address: str) -> list[Node]:
    """Nodes of the cluster at host:port. Raises SetupError, ServiceUnreachable."""
    require_reachable(address, SETTING)
    if os.environ.get("RAY_USE_TLS") == "1":
        return _nodes(grpc.secure_channel(address, grpc.ssl_channel_credentials(*_certificates())), address)
    return _nodes(grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]), address)


def cluster_gpus(address: str) -> float:
    """GPUs that the living nodes of the cluster at `address` declare; raises SetupError, ServiceUnreachable."""
    return sum(node.gpus for node in living_nodes(resolved(address)))


def _certificates() -> list[bytes]:
    """Root, key, certificate: where Ray's own variables say."""
    names = ("RAY_TLS_CA_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_SERVER_CERT")
    try:
        return [Path(os.environ[name]).read_bytes() for name in names]
    except (KeyError, OSError) as error:
        raise SetupError(f"RAY_USE_TLS is set, and {error} is not there", remedy="Set Ray's TLS variables") from None


def _nodes(channel: grpc.Channel, address: str) -> list[Node]:
    ask = channel.unary_unary(
        _NODES,
        request_serializer=gcs_service_pb2.GetAllNodeInfoRequest.SerializeToString,
        response_deserializer=gcs_service_pb2.GetAllNodeInfoReply.FromString,
    )
    token = AuthenticationTokenLoader.instance().get_raw_token()
    try:
        grpc.channel_ready_future(channel).result(timeout=_REACH_S)
        answer = ask(
            gcs_service_pb2.GetAllNodeInfoRequest(),
            timeout=_ANSWER_S,
            metadata=[("authorization", f"Bearer {token}")] if token else None,
        )
    except (grpc.FutureTimeoutError, grpc.RpcError) as error:
        raise _explained(error, address) from None
    finally:
        channel.close()
    living = [node for node in answer.node_info_list if node.state == ALIVE]
    if not living:
        raise ServiceUnreachable(f"the Ray cluster at {address} has no node yet", remedy="Wait for it, or start one")
    return [
        Node(node.node_manager_address, node.node_manager_hostname, dict(node.resources_total).get("GPU", 0.0))
        for node in living
    ]


def _explained(error: Any, address: str) -> SetupError:
    code = error.code() if isinstance(error, grpc.RpcError) else None
    if code == grpc.StatusCode.UNAUTHENTICATED:
        remedy = "Set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH) to the cluster's"
        return SetupError(f"the Ray cluster at {address} asks for another token", remedy=remedy)
    what = "answers, but not as the head of a Ray cluster does"
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        what = "does not answer in time"
    return ServiceUnreachable(
        f"{address} ({SETTING}) {what}", remedy="Give host:port of the head node (ray start --head)"
    )
