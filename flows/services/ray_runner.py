"""Where tasks run: Ray (started late, in the main thread) or threads of this process."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakValueDictionary

import ray
from prefect import Flow
from prefect.context import FlowRunContext, SettingsContext, TagsContext, TaskRunContext, serialize_context
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import MaterializingTask, Task
from prefect.utilities.collections import visit_collection
from prefect_ray import RayTaskRunner
from ray.exceptions import ActorDiedError

from flows.services.capacity import local_units
from flows.services.prefect_private import CalledBackFuture, PrefectRayFuture, RemoteOptionsContext, asset_context
from flows.services.ray_start import start_ray_for_flow
from flows.services.ray_task_host import task_host
from flows.services.ray_worker import Call, Sent, Upstream, flow_function, run_task
from medley.settings import Settings

_STAGES_IN_FLIGHT = 16  # a waiting dependent holds a thread of the pool: room for every stage of an item


class MedleyRayFuture(CalledBackFuture):
    """Where the process that task runs share has died, each has one of its own from now on."""

    def got(self, result: Any) -> None:
        """Ray's answer: a state, or why there is none."""
        super().got(result)
        if isinstance(result, ActorDiedError):
            task_host.gone()


class StockRayRunner(RayTaskRunner[Any]):  # type: ignore[misc]  # its library has no types
    """prefect-ray's runner, but for this: starts Ray at the first submit, reads a task's resources from
    `task.ray_options`, cancels what is left at exit.

    `max_retries=0`: Ray must not silently run a task run again; the flow drives the item again.
    """

    def __init__(
        self,
        address: str | None = None,
        init_kwargs: dict[str, Any] | None = None,
        start: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(address=address, init_kwargs=init_kwargs)
        self._start = start
        self._futures: WeakValueDictionary[uuid.UUID, PrefectRayFuture[Any]] = WeakValueDictionary()
        self._lock = threading.Lock()

    def duplicate(self) -> StockRayRunner:
        """Returns a runner like this one, as Prefect asks for before each flow run."""
        return type(self)(address=self.address, init_kwargs=self.init_kwargs, start=self._start)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.address, {})  # to workers: no locks, refs or callables

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.address == other.address

    __hash__ = None  # type: ignore[assignment]

    def __enter__(self) -> StockRayRunner:
        TaskRunner.__enter__(self)  # entered on every worker as well: starts nothing
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.cancel_all()
        TaskRunner.__exit__(self, *exc_info)

    def submit(
        self,
        task: Task[..., Any],
        parameters: dict[str, Any],
        wait_for: Iterable[PrefectFuture[Any]] | None = None,
        dependencies: dict[str, set[Any]] | None = None,
    ) -> PrefectRayFuture[Any]:
        """Submits a task run to Ray, as Prefect asks for each `task.submit`; starts Ray where it does not run yet."""
        if not ray.is_initialized():
            (self._start or start_ray_for_flow)()
        future = self._submit(task, parameters, wait_for, dependencies)
        with self._lock:
            self._futures[future.task_run_id] = future
        return future

    def _submit(self, task: Task[..., Any], *arguments: Any) -> PrefectRayFuture[Any]:
        with RemoteOptionsContext(current_remote_options=_options(task)):
            return super().submit(task, *arguments)

    def cancel_all(self, *, force: bool = False) -> None:
        """Interrupts what is still running or waiting; with `force` its workers are killed."""
        with self._lock:
            refs = [future.wrapped_future for future in self._futures.values()]
        if refs and ray.is_initialized():
            _, running = ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)
            if running:
                task_host.cancel(running, force=force)


class MedleyRayRunner(StockRayRunner):
    """Sends the context of the flow run, and each task, to Ray once; task runs share a process.

    See docs/decisions/0018.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._contexts: dict[tuple[Any, ...], tuple[Sent, list[Any]]] = {}
        self._tasks: dict[int, tuple[Sent, Any, Any, Task[..., Any]]] = {}

    def _submit(
        self,
        task: Task[..., Any],
        parameters: dict[str, Any],
        wait_for: Iterable[PrefectFuture[Any]] | None = None,
        dependencies: dict[str, set[Any]] | None = None,
    ) -> PrefectRayFuture[Any]:
        task_run_id = uuid.uuid4()
        sent, alone, shared = self._task(task)
        remote = shared if shared and task_host.takes else alone
        flow_run = FlowRunContext.get()
        has_assets = task.asset_deps or isinstance(task, MaterializingTask) or (flow_run and flow_run.task_run_assets)
        assets = asset_context(task, task_run_id, parameters) if has_assets else None
        filled, upstream = _exchanged(parameters)
        call = Call(self._context(), sent, task_run_id, filled, wait_for, dependencies, assets)
        return MedleyRayFuture(task_run_id=task_run_id, wrapped_future=remote(call, *upstream))

    def _context(self) -> Sent:
        """The context that is entered now."""
        parts = [kind.get() for kind in (FlowRunContext, TaskRunContext, SettingsContext)]
        key = (*map(id, parts), frozenset(TagsContext.get().current_tags))
        if key not in self._contexts:
            context = serialize_context()
            if flow := context["flow_run_context"].get("flow"):
                context["flow_run_context"]["flow"] = _without_function(flow)
            self._contexts[key] = (_sent(context), parts)  # kept: another would have its id
        return self._contexts[key][0]

    def _task(self, task: Task[..., Any]) -> tuple[Sent, Callable[..., Any], Callable[..., Any] | None]:
        """The task as it was sent, and what submits its runs."""
        if RemoteOptionsContext.get().current_remote_options:
            return _sent(task), *_submitters(task)
        if id(task) not in self._tasks:  # kept: another task would have its id
            self._tasks[id(task)] = (_sent(task), *_submitters(task), task)
        return self._tasks[id(task)][:3]


def _without_function(flow: Flow[..., Any]) -> Flow[..., Any]:
    """The flow as task runs know it: none calls its function, and all that the function needs would be imported."""
    told = copy.copy(flow)
    told.fn = told.__wrapped__ = flow_function  # type: ignore[attr-defined]  # what functools.wraps has left
    told.flow_run_name = None
    return told


def _options(task: Task[..., Any]) -> dict[str, Any]:
    given = RemoteOptionsContext.get().current_remote_options
    return {"max_retries": 0, **getattr(task, "ray_options", {}), **given}


def _submitters(task: Task[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
    """What submits the runs of a task: each on its own, and in the process that they share."""
    options = _options(task)
    alone = ray.remote(run_task).options(name=task.name, **options).remote
    return alone, task_host.submitter(task.name, options)


def _sent(value: Any) -> Sent:
    return Sent(uuid.uuid4().hex, [ray.put(value)])


def _exchanged(parameters: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """The parameters with a place for what each upstream task gives, and Ray's references to that."""
    upstream: list[Any] = []

    def exchange(value: Any) -> Any:
        if not isinstance(value, PrefectRayFuture):
            return value
        upstream.append(value.wrapped_future)
        return Upstream(len(upstream) - 1)

    return visit_collection(parameters, visit_fn=exchange, return_data=True), upstream


def task_runner_of(settings: Settings) -> StockRayRunner:
    """Builds the runner of tasks on Ray that the settings name."""
    return StockRayRunner() if settings.ray.task_runner == "stock" else MedleyRayRunner()


def local_runner(settings: Settings) -> ThreadPoolTaskRunner[Any]:
    """Threads of this process, enough that waiting stages never keep a running one out."""
    return ThreadPoolTaskRunner(max_workers=local_units(settings) * _STAGES_IN_FLIGHT)
