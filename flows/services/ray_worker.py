"""What runs in Ray's worker processes: task runs of Prefect, within the context of their flow run.

Settings, client, flow and tasks are read once in each process: for every task run anew they cost 60 ms of CPU.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import ray
from prefect.context import AssetContext, FlowRunContext, SyncClientContext, hydrated_context
from prefect.task_engine import run_task_async, run_task_sync
from prefect.utilities.collections import visit_collection

from medley.system.stop import clear_stop, request_stop


@dataclass(frozen=True, slots=True)
class Sent:
    """A value that the driver has put into Ray once; `ref` is in a list, else Ray would fetch it for every call."""

    key: str
    ref: list[Any]


@dataclass(frozen=True, slots=True)
class Upstream:
    """Stands in a task's parameters for what another task gives: the `place`-th of the values that Ray hands over."""

    place: int


@dataclass(frozen=True, slots=True)
class Call:
    """A task run to make. Prefect's names; `assets`: its context of assets, where the flow has any."""

    context: Sent
    task: Sent
    task_run_id: UUID
    parameters: dict[str, Any]
    wait_for: Iterable[Any] | None
    dependencies: dict[str, set[Any]] | None
    assets: dict[str, Any] | None


def run_task(call: Call, *upstream: Any) -> Any:
    """Makes a task run and returns its final state; the states on the way go to Prefect's server, as always."""
    arguments: dict[str, Any] = {
        "task": _known(call.task, lambda task: task),
        "task_run_id": call.task_run_id,
        "parameters": _filled(call.parameters, upstream),
        "wait_for": call.wait_for,
        "dependencies": call.dependencies,
        "return_type": "state",
    }
    context: contextvars.Context = _known(call.context, _entered)
    with _working(context):
        return context.copy().run(_run, call.assets, arguments)


def flow_function(*args: Any, **kwargs: Any) -> None:
    """Stands for the function of the flow, which runs in the driver."""
    raise RuntimeError("the function of a flow cannot be called within its tasks")


def _run(assets: dict[str, Any] | None, arguments: dict[str, Any]) -> Any:
    with ExitStack() as stack:
        if flow_run := FlowRunContext.get():  # it remembers every result
            stack.enter_context(flow_run.model_copy(update={"run_results": {}}))
        if assets:
            stack.enter_context(AssetContext(**assets))
        if arguments["task"].isasync:
            return asyncio.run(run_task_async(**arguments))
        return run_task_sync(**arguments)


def _filled(parameters: dict[str, Any], upstream: tuple[Any, ...]) -> Any:
    def fill(value: Any) -> Any:
        return upstream[value.place] if isinstance(value, Upstream) else value

    return visit_collection(parameters, visit_fn=fill, return_data=True) if upstream else parameters


#: By their keys, those that were asked for last at the end. A process that outlives many flow runs forgets the others:
#: each has a client with connections of its own.
_values: dict[str, Any] = {}
_MOST_VALUES = 96  # a dozen for each run
_lock = threading.Lock()


def _known(sent: Sent, prepare: Callable[[Any], Any]) -> Any:
    """The value, as `prepare` made it of what was sent, the first time that this process is asked."""
    with _lock:
        known = _values.pop(sent.key) if sent.key in _values else prepare(ray.get(sent.ref[0]))
        _values[sent.key] = known
        for key in list(_values)[: max(0, len(_values) - _MOST_VALUES)]:
            if not _busy[id(_values[key])]:
                _leave(_values.pop(key))
        return known


@contextmanager
def _working(context: contextvars.Context) -> Iterator[None]:
    """Keeps a context while a task is at work in a copy of it: a long one may outlast many short runs."""
    with _lock:
        _busy[id(context)] += 1
    try:
        yield
    finally:
        with _lock:
            _busy[id(context)] -= 1


#: Tasks at work by context.
_busy: Counter[int] = Counter()


def _entered(serialized: dict[str, Any]) -> contextvars.Context:
    """A context in which settings, flow run and one client are entered, until `_leave`."""
    stack = ExitStack()

    def enter() -> None:
        stack.enter_context(hydrated_context(serialized))
        stack.enter_context(SyncClientContext.get_or_create())

    context = contextvars.Context()
    context.run(enter)
    _open[id(context)] = stack
    return context


def _leave(value: Any) -> None:
    """Closes what a context holds, once no task of its run is expected any more."""
    if isinstance(value, contextvars.Context):
        value.run(_open.pop(id(value)).close)


_open: dict[int, ExitStack] = {}


def import_all(modules: Iterable[str]) -> None:
    """Imports what the first task would wait for; what cannot be imported here yet, the task itself tells of."""
    for module in modules:
        with suppress(ImportError):
            importlib.import_module(module)


class TaskHost:
    """Task runs, many in one process and each in a thread of its own."""

    def __init__(self, modules: Iterable[str]) -> None:
        clear_stop()
        import_all(modules)

    def run(self, call: Call, *upstream: Any) -> Any:
        """Makes a task run; see `run_task`."""
        return run_task(call, *upstream)

    def stop(self) -> None:
        """Ends what is running at its next look at the flag."""
        request_stop()
