"""Everything that we use of Prefect and prefect-ray beyond their public interface, and what we assume of each.

Prefect 3.8, prefect-ray 0.6. Checked by the tests.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import ray  # whole, before prefect-ray loads it lazily, without parts of `ray._private`
from prefect.client.schemas.objects import State
from prefect.context import AssetContext, refresh_global_settings_context
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.futures import PrefectFuture
from prefect.tasks import Task
from prefect.utilities.engine import collect_task_run_inputs_sync
from prefect_ray import RayTaskRunner
from prefect_ray.context import RemoteOptionsContext
from prefect_ray.task_runners import PrefectRayFuture

__all__ = [
    "CalledBackFuture",
    "PrefectRayFuture",
    "RemoteOptionsContext",
    "application",
    "asset_context",
    "refresh_settings",
]


class CalledBackFuture(PrefectRayFuture[Any]):  # type: ignore[misc]  # its library has no types
    """A future on Ray that keeps the state with which Ray calls back: no second copy of it is read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ended = False
        self._callbacks: list[Callable[[PrefectFuture[Any]], Any]] = []
        self._turn = threading.Lock()
        self._wrapped_future._on_completed(self._on_end)

    def __reduce__(self) -> tuple[Any, ...]:
        return PrefectRayFuture, (self.task_run_id, self.wrapped_future)  # to workers, in `wait_for`

    def _on_end(self, result: Any) -> None:
        self.got(result)
        with self._turn:
            self._ended, callbacks = True, self._callbacks
        for callback in callbacks:
            callback(self)

    def got(self, result: Any) -> None:
        """Ray's answer: a state, or why there is none."""
        if isinstance(result, State):
            self._final_state = result

    def add_done_callback(self, fn: Callable[[PrefectFuture[Any]], Any]) -> None:
        """Calls `fn` with this future once the task run has ended."""
        with self._turn:
            if not self._ended:
                self._callbacks.append(fn)
                return
        fn(self)

    def wait(self, timeout: float | None = None) -> None:
        """Waits until the task run has ended."""
        if self._final_state:
            return
        super().wait(timeout)
        if self._final_state and self._final_state.is_crashed():
            self.got(self._final_state.data)  # before Ray calls back

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """Returns what the task gives. Raises what the task raises, or TimeoutError."""
        self.wait(timeout)
        left_s = timeout if self._final_state or timeout is None else 0.0
        return super().result(left_s, raise_on_failure)


def asset_context(task: Task[..., Any], task_run_id: UUID, parameters: dict[str, Any]) -> dict[str, Any]:
    """Builds what prefect-ray tells a worker of the flow run's assets."""
    inputs = {
        name: collect_task_run_inputs_sync(value, future_cls=PrefectRayFuture) for name, value in parameters.items()
    }
    found: dict[str, Any] = AssetContext.from_task_and_inputs(
        task, task_run_id, inputs, copy_to_child_ctx=True
    ).serialize()
    return found


def refresh_settings() -> None:
    """Reads Prefect's settings anew, from the environment as it is now. Not within a flow."""
    refresh_global_settings_context()


def application() -> Any:
    """Prefect's server as an ASGI application, with its background services."""
    from prefect.server.api.server import create_app

    return create_app(final=True)


def _names(function: Any, name: str) -> bool:
    """Whether a function uses a name; `inspect.getsource` would load every lazy module that there is."""
    return name in inspect.unwrap(function).__code__.co_names


def assumptions() -> Iterator[tuple[str, bool]]:
    """Yields each thing that has to be true of Prefect, and whether it is true."""
    yield "a future keeps its final state as _final_state", _names(PrefectFuture.__init__, "_final_state")
    yield "a reference of Ray calls back with its value", hasattr(ray.ObjectRef, "_on_completed")
    yield "a future on Ray keeps its reference as wrapped_future", hasattr(PrefectRayFuture, "wrapped_future")
    submit = RayTaskRunner.submit
    yield "RayTaskRunner.submit takes Ray's options from RemoteOptionsContext", _names(submit, "RemoteOptionsContext")
    exchanged = _names(submit, "_exchange_prefect_for_ray_futures")
    yield "RayTaskRunner.submit resolves upstream futures on the worker", exchanged
    runner = inspect.signature(RayTaskRunner.submit).parameters
    yield (
        "submit(task, parameters, wait_for, dependencies)",
        list(runner)[1:] == [*("task", "parameters", "wait_for", "dependencies")],
    )
    yield "a task has a task_key by which its runs are counted", _names(Task.__init__, "task_key")
    yield (
        "settings are kept as GLOBAL_SETTINGS_CONTEXT",
        _names(refresh_global_settings_context, "root_settings_context"),
    )
    yield "an entrypoint is an attribute of a module", _names(load_flow_from_entrypoint, "import_object")
    yield (
        "a flow is made with with_options(task_runner=...)",
        ("task_runner" in inspect.signature(Flow.with_options).parameters),
    )
