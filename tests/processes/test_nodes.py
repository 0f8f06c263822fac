"""The nodes of a cluster have what this machine has, or the command says so before it begins."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import ray
from ray import cloudpickle

from flows.services import ray_nodes
from flows.services import ray_start as _start
from flows.services.ray_nodes import _looker, check_nodes
from medley import __version__
from medley.errors import ServiceUnreachable, SetupError
from medley.settings import Settings
from tests.conftest import ROOT


@pytest.fixture
def joined(on_ray: str, settings: Settings) -> Iterator[None]:
    """Joins the session's cluster."""
    _start.start_ray(settings)
    yield
    _start.stop_ray()


def test_nodes_with_the_same_installation_are_fine(joined: None) -> None:
    check_nodes()


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (("3.9.1", ray.__version__, __version__, ""), "has Python 3.9.1, this machine"),
        ((platform.python_version(), "2.1.0", __version__, ""), "has Ray 2.1.0, this machine"),
        ((platform.python_version(), ray.__version__, "0.0.1", ""), "has Medley 0.0.1, this machine"),
        ((platform.python_version(), ray.__version__, __version__, "0123"), "has other code of Medley"),
        (None, "cannot run a task: .*no such disk"),
    ],
)
def test_a_node_with_something_else_is_named_before_work_begins(
    joined: None, monkeypatch: pytest.MonkeyPatch, found: tuple[str, ...] | None, told: str
) -> None:
    def look() -> Any:
        if found is None:
            raise OSError("no such disk")
        return found

    monkeypatch.setattr(ray_nodes, "_looker", lambda: look)
    with pytest.raises(SetupError, match=told) as raised:
        check_nodes()
    assert len(str(raised.value).splitlines()) == 1


def test_a_node_that_never_starts_a_worker_is_waited_for_no_longer_than_said(
    joined: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look() -> None:
        threading.Event().wait(60)

    monkeypatch.setattr(ray_nodes, "_looker", lambda: look)
    with pytest.raises(ServiceUnreachable, match=r"no node of the Ray cluster took a task within 0\.5 s"):
        check_nodes(0.5)


def test_a_node_that_leaves_meanwhile_keeps_nobody_out(joined: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that is drained: Ray gives it no tasks any more."""
    here = ray.nodes()[0]
    gone = {**here, "NodeID": "0" * 55 + "1", "NodeManagerHostname": "gone"}
    monkeypatch.setattr(ray, "nodes", lambda: [here, gone])
    check_nodes()


def test_a_node_without_medley_says_so() -> None:
    look = cloudpickle.dumps(_looker()).hex()
    script = f"from ray import cloudpickle; print(*cloudpickle.loads(bytes.fromhex({look!r}))())"
    bare = f"import sys; sys.path[:] = [p for p in sys.path if {str(ROOT)!r} not in p or '.venv' in p]; {script}"
    done = subprocess.run([sys.executable, "-P", "-c", bare], capture_output=True, text=True, cwd="/")
    assert "none (No module named 'tasks')" in done.stdout, done.stderr


def test_other_versions_on_the_head_are_one_line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**how: Any) -> None:
        raise RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.1.0\n")

    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setattr(_start, "ray_cluster", lambda settings: "10.0.0.1:6379")
    monkeypatch.setattr(_start, "joinable", lambda given: given)
    with pytest.raises(SetupError, match=r"has other versions: .*Ray: 2\.1\.0.*requirements\.lock"):
        _start.start_ray(settings)
