"""One process of this driver for task runs that only wait: each in a thread, not in a process with the same imports."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import ray
from ray.exceptions import RayError

from flows.services.ray_worker import Waiters, import_all, run_task

_THREADS = 32
_CONTROL = "control"  # calls that are answered while all threads wait
#: Options of a task that may share a process with others.
_SHARED = frozenset({"num_cpus", "max_retries"})
_WARM = 4  # processes, at most, that import before there is work


class _Shared:
    """The process, for as long as it lives; where it has died, each task run gets a process of its own again.

    Then Ray says which one of them took it down.
    """

    def __init__(self) -> None:
        self._actor: Any = None
        self._warming: list[Any] = []
        self._takes = False  #: new task runs

    def start(self, modules: Iterable[str]) -> None:
        """Starts it, and lets the first workers import `modules`, beside whatever else is being started."""
        modules = list(modules)
        host = ray.remote(concurrency_groups={_CONTROL: 1})(Waiters)
        self._actor = host.options(num_cpus=0, max_concurrency=_THREADS).remote(modules)
        self._takes = True
        cpus = int(ray.cluster_resources().get("CPU", 1))
        warm = ray.remote(num_cpus=1, max_retries=0)(import_all)
        self._warming = [warm.remote(modules) for _ in range(min(cpus, _WARM))]

    def gone(self) -> None:
        """The process has died, or ends with Ray."""
        self._actor, self._warming, self._takes = None, [], False

    def submitter(self, name: str, options: dict[str, Any]) -> Callable[..., Any]:
        """What submits the runs of a task with those options."""
        alone: Callable[..., Any] = ray.remote(run_task).options(name=name, **options).remote
        if options.get("num_cpus", 1) >= 1 or not _SHARED.issuperset(options):
            return alone

        def submit(*arguments: Any) -> Any:
            return self._actor.run.options(name=name).remote(*arguments) if self._takes else alone(*arguments)

        return submit

    def cancel(self, refs: Iterable[Any], *, force: bool) -> None:
        """Interrupts task runs wherever they are; with `force` their processes are killed."""
        for ref in refs:
            shared = not ref.task_id().actor_id().is_nil()
            if not (shared and force):
                ray.cancel(ref, force=force)
        self._takes = False
        if self._actor and force:
            ray.kill(self._actor)
        elif self._actor:
            with contextlib.suppress(RayError):
                self._actor.stop.options(concurrency_group=_CONTROL).remote()


waiters = _Shared()
