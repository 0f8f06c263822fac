"""When workers of Ray are started beforehand, and what a task run has to import."""

from __future__ import annotations

import pytest
from ray import cloudpickle

from flows.engine.prefect_flows import flow_of
from flows.services.ray_prestart import missing
from flows.services.ray_runner import _without_function
from medley.dag.registry import pipeline_named


@pytest.mark.parametrize(
    ("ready", "quiet_s", "started"), [(3, 60.0, 0), (4, 60.0, 0), (1, 60.0, 2), (1, 0.0, 0), (0, 0.0, 1), (0, 60.0, 3)]
)
def test_workers_are_started_while_the_cpus_are_free(ready: int, quiet_s: float, started: int) -> None:
    assert missing(3, ready, quiet_s) == started


def test_a_task_run_imports_nothing_of_the_engine() -> None:
    flow = flow_of(pipeline_named("video"))
    assert b"flows.engine.flow" in cloudpickle.dumps(flow)
    assert b"flows.engine.flow" not in cloudpickle.dumps(_without_function(flow))
