"""Pools and tasks for programs of other people: on a cluster, and without one."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

import actors
from tests.conftest import ROOT
from tests.processes.test_pools import ran

PROGRAM = """
import actors

class Scorer:
    def __init__(self, factor): self.factor = factor
    def predict(self, x): return self.factor * x
    def where(self, x): time.sleep(0.05); return os.getpid()
    def fail(self, x): raise KeyError(x)

print(actors.is_available())
pool = actors.pool("scorers", Scorer, 3, size=2)
print(list(pool.map("predict", range(5))), pool.predict(7))
until(lambda: sum(replica["ready"] for replica in pool_state()["replicas"]) == 2)
print(len(set(pool.map("where", range(20)))))
try:
    pool.fail("no")
except KeyError as error:
    print("KeyError", error)
health = actors.health_check()
print(*[health[name] for name in ("status", "ray_status", "nodes", "gpus", "actor_pools")], health["cpus"]["total"])
print(sorted(health))
pool.close()
batch = actors.submit_batch(int, [(("7",), {}), (("11",), {"base": 2})])
print(actors.submit(pow, 2, 10, num_cpus=0.5).result(), batch)
"""

STATE = """
def pool_state():
    return next(s for s in ray.get(master().state.remote()) if s["name"] == "scorers")
"""


@pytest.mark.whole  # make test-platform has it
def test_a_program_of_somebody_elses_has_pools_and_tasks(tmp_path: Path) -> None:
    assert ran(tmp_path, STATE + PROGRAM) == [
        "True",
        "[0, 3, 6, 9, 12] 21",
        "2",
        "KeyError 'no'",
        "healthy connected 1 {'total': 0, 'available': 0.0} ['scorers'] 2",
        "['actor_pools', 'cpus', 'gpus', 'nodes', 'ray_status', 'status']",
        "1024 [7, 3]",
    ]


class Scorer:
    """Multiplies."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def predict(self, x: int) -> int:
        """Multiplies."""
        return self.factor * x


def test_without_a_cluster_everything_runs_here_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with caplog.at_level(logging.INFO, "medley.pools"):
        pool = actors.pool("scorers", Scorer, 3, size=4)
        assert list(pool.map("predict", range(3))) == [0, 3, 6]
        assert actors.submit_batch(pow, [((2, 3), {}), ((3, 2), {})]) == [8, 9]
    assert "the pool scorers runs in this process" in caplog.text
    assert actors.health_check() == {
        "status": "unavailable",
        "ray_status": "disconnected",
        "nodes": 0,
        "cpus": {"total": 0, "available": 0.0},
        "gpus": {"total": 0, "available": 0.0},
        "actor_pools": [],
    }


@pytest.mark.whole  # make test-platform
def test_the_examples_of_the_docs_run(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "pools.md").read_text(), re.S)
    assert len(blocks) > 2
    assert ran(tmp_path, "\n".join(blocks))
