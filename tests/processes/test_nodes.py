"""The nodes of a cluster have what this machine has, or the command says so before it begins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import cloudpickle

from flows.services import ray_start as _start
from flows.services.ray_nodes import _looker
from medley.errors import SetupError
from medley.settings import Settings
from tests.conftest import ROOT
from tests.processes.test_pools import ran

NODES = """
import platform
from flows.services import ray_nodes
from medley import __version__

def told(found, timeout_s=15.0):
    def look():
        if found == "raises":
            raise OSError("no such disk")
        if found == "waits":
            threading.Event().wait(60)
        return found
    ray_nodes._looker = lambda: look
    return checked(timeout_s)

def checked(timeout_s=15.0):
    try:
        ray_nodes.check_nodes(timeout_s)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "fine"

print(checked())
here = ray.nodes()[0]
gone = {**here, "NodeID": "0" * 55 + "1", "NodeManagerHostname": "gone"}
nodes, ray.nodes = ray.nodes, lambda: [here, gone]
print(checked())
ray.nodes = nodes
python = platform.python_version()
print(told(("3.9.1", ray.__version__, __version__, "")))
print(told((python, "2.1.0", __version__, "")))
print(told((python, ray.__version__, "0.0.1", "")))
print(told((python, ray.__version__, __version__, "0123")))
print(told("raises"))
print(told("waits", 0.5))
"""


@pytest.mark.whole  # make test-platform
def test_a_node_with_something_else_is_named_before_work_begins(tmp_path: Path) -> None:
    same, leaves, python, ray_version, medley, code, raises, waits = ran(tmp_path, NODES)
    assert same == "fine"
    assert leaves == "fine", "one that is drained meanwhile, and gets no tasks any more, keeps nobody out"
    assert "SetupError: node " in python
    assert "has Python 3.9.1, this machine" in python
    assert "has Ray 2.1.0, this machine" in ray_version
    assert "has Medley 0.0.1, this machine" in medley
    assert "has other code of Medley" in code
    assert "cannot run a task: " in raises
    assert "no such disk" in raises
    assert waits.startswith("ServiceUnreachable: no node of the Ray cluster took a task within 0.5 s")


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
