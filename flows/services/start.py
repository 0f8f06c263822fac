"""All that a flow run needs, started at the same time: Prefect's server, the store, Ray (in the main thread)."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
from prefect.client.schemas.objects import State
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.task_runners import TaskRunner

from flows.services.addresses import managed
from flows.services.log import logger
from flows.services.ray_runner import local_runner, task_runner_of
from flows.services.ray_start import start_ray, stop_ray
from flows.services.reconcile import close_in_prefect, settle_task_runs
from flows.services.shared import prefect_server
from medley.catalog import Catalog
from medley.errors import ServiceUnreachable
from medley.settings import Settings
from medley.system.stop import STOP, raise_if_stopped

_DRAIN_S = 5.0
T = TypeVar("T")
#: Flow runs of Prefect; how many task runs of each have ended, and how many have crashed.
FlowRuns = Callable[[], Mapping[str, tuple[int, int]]]


@contextlib.contextmanager
def started(
    settings: Settings,
    catalog: Catalog,
    connect_store: Callable[[], object],
    flow_runs: FlowRuns,
    on_ray_up: Callable[[], object],
    say: Callable[[str], object],
) -> Iterator[tuple[TaskRunner[Any], str]]:
    """Starts what a flow run needs, and yields the task runner and the URL of Prefect's API.

    What was started for this command alone ends with the block; `flow_runs` then says which flow runs it has made, and
    what became of their task runs. `on_ray_up` is called once Ray is up, `say` with what is waited for.
    """
    on_ray = settings.runner == "ray"
    with contextlib.ExitStack() as exits:
        waiting = _Waiting(say, on_ray)
        with ThreadPoolExecutor(2) as helpers:
            prefect = helpers.submit(waiting.until, "Prefect", exits.enter_context, prefect_server(settings))
            store = helpers.submit(waiting.until, "the vector store", connect_store)
            if on_ray:
                raise_if_stopped()
                exits.callback(stop_ray)
                waiting.until("Ray", start_ray, settings)
                raise_if_stopped()
                on_ray_up()
            _, url = store.result(), prefect.result()
        exits.enter_context(temporary_settings({PREFECT_API_URL: url, **_heartbeats()}))
        close_in_prefect(catalog)
        exits.callback(_settle, settings, catalog, flow_runs)
        yield task_runner_of(settings) if on_ray else local_runner(settings), url


class _Waiting:
    """Says which services are being started."""

    def __init__(self, say: Callable[[str], object], on_ray: bool) -> None:
        self._say, self._names = say, ["Prefect", "the vector store", *(["Ray"] if on_ray else [])]
        self._lock = threading.Lock()
        say(f"starting {', '.join(self._names)}")

    def until(self, name: str, start: Callable[..., T], *arguments: Any) -> T:
        """Starts one; it is named no longer when it is there."""
        started = start(*arguments)
        with self._lock:
            self._names.remove(name)
            self._say(f"starting {', '.join(self._names)}" if self._names else "")
        return started


def _heartbeats() -> dict[Any, Any]:
    """None from a command, unless they are asked for: its process is watched, and their thread ends up to 1 s late."""
    asked = os.environ.get("PREFECT_FLOWS_HEARTBEAT_FREQUENCY")
    return {} if asked else {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}


def error_of(flow: Callable[..., State[Any]]) -> BaseException | None:
    """Runs the flow and returns the error that ended the flow as a whole, or None."""
    try:
        state = flow(return_state=True)
    except httpx.HTTPError as lost:  # the server went away for good: Prefect cannot even note the end
        return ServiceUnreachable(f"Prefect's server does not answer: {lost}", remedy="Start it again")
    error = state.result(raise_on_failure=False) if state.is_crashed() or state.is_failed() else None
    return error if isinstance(error, BaseException) else None


def _settle(settings: Settings, catalog: Catalog, flow_runs: FlowRuns) -> None:
    """While the server is still there: what this process has to tell it, and the last states of the run's tasks.

    Where it is not, the run stays open in the catalog: the next command that has a server closes it there.
    """
    APILogWorker.drain_all(timeout=_DRAIN_S)
    EventsWorker.drain_all(timeout=_DRAIN_S)
    stays = not STOP.is_set() and bool(os.environ.get("PREFECT_API_URL") or managed("prefect", settings))
    for flow_run, (ended, crashed) in flow_runs().items():
        try:
            if crashed or not stays:  # else it has time to hear of all, and no process is missing that would tell it
                settle_task_runs(flow_run, 0 if STOP.is_set() else ended)
        except httpx.HTTPError as error:
            logger.warning("Prefect does not know how this run ended: %s: %s", type(error).__name__, error)
            return
        catalog.close_prefect_run(flow_run)
