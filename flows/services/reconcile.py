"""Prefect's rows made true: no task run and no flow run says Running when nothing runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import TERMINAL_STATES, StateType, TaskRun
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from medley.catalog import Catalog

_WAIT_S = 5.0
_POLL_S = 0.2
_PAGE = 200
_OPEN = [kind for kind in StateType if kind not in TERMINAL_STATES]
_WITH_PROCESS = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


def settle_task_runs(flow_run_id: str, task_runs: int = 0, wait_s: float = _WAIT_S) -> None:
    """Waits until Prefect knows of `task_runs` of an ended flow run, and the end of each that it knows.

    One that is open after `wait_s` lost its worker, and says so. States travel as events: a server that is ended right
    after the last task loses the last of them.
    """
    deadline = time.monotonic() + wait_s
    with get_client(sync_client=True) as client:
        while (open_runs := _open_runs(client, flow_run_id)) or _count(client, flow_run_id) < task_runs:
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
        for run in open_runs:
            client.set_task_run_state(run.id, Crashed(message="its process ended before it did"), force=True)


def crash_flow_run(flow_run_id: str) -> None:
    """Sets a flow run whose process was killed, and its task runs, to Crashed.

    No error is raised where Prefect has forgotten the flow run.
    """
    with get_client(sync_client=True) as client:
        try:
            run = client.read_flow_run(UUID(flow_run_id))
        except ObjectNotFound:
            return
        if run.state is None or not run.state.is_final():
            client.set_flow_run_state(run.id, Crashed(message="its process was killed"), force=True)
    settle_task_runs(flow_run_id, wait_s=0.0)


def close_in_prefect(catalog: Catalog) -> None:
    """Ends in Prefect the runs that are over by the catalog."""
    for run_id in catalog.open_prefect_runs():
        crash_flow_run(run_id)
        catalog.close_prefect_run(run_id)


def running_flow_runs(work_pool: str) -> Iterator[str]:
    """Yields the ids of the flow runs of a work pool that Prefect believes to have a process."""
    states = FlowRunFilterState(type=FlowRunFilterStateType(any_=_WITH_PROCESS))
    pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[work_pool]))
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=FlowRunFilter(state=states), work_pool_filter=pool):
            yield str(run.id)


def _open_runs(client: SyncPrefectClient, flow_run_id: str) -> list[TaskRun]:
    """Up to 200 task runs that have not ended. One whose upstream failed (NotReady) has: it never begins."""
    in_flow = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(flow_run_id)]))
    is_open = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=_OPEN)))
    found = client.read_task_runs(flow_run_filter=in_flow, task_run_filter=is_open, limit=_PAGE)
    return [run for run in found if not (run.state and run.state.name == "NotReady")]


def _count(client: SyncPrefectClient, flow_run_id: str) -> int:
    """How many task runs of a flow run Prefect knows."""
    wanted = {"flow_runs": {"id": {"any_": [flow_run_id]}}}
    return int(client.request("POST", "/task_runs/count", json=wanted).json())
