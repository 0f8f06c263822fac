"""Joining a Ray cluster: what is wrong is said at once, in words."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
import ray
from ray.core.generated import gcs_pb2, gcs_service_pb2

from flows.services import ray_cluster as _cluster
from flows.services import ray_start as _start
from flows.services.ray_cluster import joinable, living_nodes, resolved
from medley.dag.registry import pipeline_named
from medley.errors import ServiceUnreachable, SetupError
from medley.options import ImageOptions
from medley.settings import Settings, load_settings
from tasks.run_stage import run_stage
from tests.conftest import Medley
from tests.documents import picture


@pytest.fixture(params=["silent", "closing", "of http"])
def stranger(request: pytest.FixtureRequest) -> Iterator[str]:
    """Something that listens and is no head of a Ray cluster."""
    listening = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                caller, _ = listening.accept()
            except OSError:
                return
            held.append(caller)
            if request.param == "of http":
                caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            if request.param != "silent":
                caller.close()

    threading.Thread(target=serve, daemon=True).start()
    yield f"127.0.0.1:{listening.getsockname()[1]}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    for caller in held:
        caller.close()


def test_what_is_no_cluster_is_named(stranger: str) -> None:
    with pytest.raises(ServiceUnreachable, match=f"{stranger}.*not as the head of a Ray cluster"):
        living_nodes(stranger)


def test_another_token_is_said(ray_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loader = _cluster.AuthenticationTokenLoader
    for token in ("another", ""):
        given = SimpleNamespace(get_raw_token=lambda token=token: token)
        monkeypatch.setattr(loader, "instance", staticmethod(lambda given=given: given), raising=False)
        with pytest.raises(SetupError, match="asks for another token"):
            living_nodes(ray_address)


def answer_of(*addresses: str) -> Any:
    nodes = [gcs_pb2.GcsNodeInfo(node_manager_address=a, node_manager_hostname=f"host-{a}") for a in addresses]
    return gcs_service_pb2.GetAllNodeInfoReply(node_info_list=nodes)


@pytest.fixture
def head(request: pytest.FixtureRequest) -> Iterator[str]:
    """A head node, as far as it tells of its nodes."""
    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(
        lambda asked, context: answer_of(*request.param),
        request_deserializer=gcs_service_pb2.GetAllNodeInfoRequest.FromString,
        response_serializer=gcs_service_pb2.GetAllNodeInfoReply.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler("ray.rpc.NodeInfoGcsService", {"GetAllNodeInfo": handler})
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.mark.parametrize("head", [("203.0.113.7", "203.0.113.8")], indirect=True)
def test_a_machine_that_is_no_node_is_told_so(head: str) -> None:
    with pytest.raises(SetupError, match=r"no node of the Ray cluster at .*203\.0\.113\.7, 203\.0\.113\.8") as told:
        joinable(head)
    assert f"ray start --address={head}" in told.value.remedy


@pytest.mark.parametrize("head", [("203.0.113.7", "127.0.0.1")], indirect=True)
def test_a_node_may_join(head: str) -> None:
    assert joinable(head) == head


@pytest.mark.parametrize("head", [()], indirect=True)
def test_a_cluster_without_nodes_is_waited_for_by_the_user(head: str) -> None:
    with pytest.raises(ServiceUnreachable, match="has no node yet"):
        joinable(head)


def test_auto_is_the_cluster_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    running: set[str] = {"10.0.0.1:6379"}
    last = ""
    monkeypatch.setattr(_cluster.services, "find_gcs_addresses", lambda: running)
    monkeypatch.setattr(_cluster.services, "find_bootstrap_address", lambda folder: last)
    assert resolved("auto") == "10.0.0.1:6379"
    running.add("10.0.0.1:6380")
    with pytest.raises(ServiceUnreachable, match="several: "):
        resolved("auto")
    last = "10.0.0.1:6380"
    assert resolved("auto") == last
    running.clear()
    with pytest.raises(ServiceUnreachable, match="none"):
        resolved("auto")


@pytest.mark.whole  # make test-platform has it
def test_a_client_address_is_refused_before_anything_starts(
    medley_process: Medley, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://127.0.0.1:10001")
    picture().save(tmp_path / "red.png")
    answer = medley_process("image", tmp_path / "red.png")
    assert (answer.code, answer.out) == (2, "")
    assert "ray job submit" in answer.err
    assert "Traceback" not in answer.err


def test_local_is_a_private_cluster(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")
    assert load_settings().ray_address is None


@pytest.mark.parametrize("failure", [RuntimeError("timed out during startup"), ConnectionError(), Exception("a\nb")])
def test_a_ray_that_does_not_start_is_one_line(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def refuse(**how: Any) -> None:
        raise failure

    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setattr(_start, "ray_cluster", lambda settings: None)
    with pytest.raises(SetupError, match="Ray does not start: ") as told:
        _start.start_ray(settings)
    assert len(str(told.value).splitlines()) == 1


def test_another_version_on_a_node_takes_no_work() -> None:
    dag = pipeline_named("image").dag(ImageOptions())
    context: Any = SimpleNamespace(code="0123abcd", dag=dag, run_id="run", trace="")
    nothing: Any = SimpleNamespace(parts=[])
    with pytest.raises(SetupError, match="the run's is another one"):
        run_stage(dag["load_images"], [nothing], context)
