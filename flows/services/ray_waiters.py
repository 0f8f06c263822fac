"""One process of this driver for task runs that only wait: each in a thread, not in a process with the same imports."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import ray
from ray.exceptions import RayError

from flows.services.ray_worker import Waiters, import_all

_THREADS = 32
_CONTROL = "control"  # calls that are answered while all threads wait
#: Options of a task that may share a process with others.
SHARED = frozenset({"num_cpus", "max_retries"})
_OF_EVERY_TASK, _OF_WAITERS = "tasks.prefect_tasks", "pymilvus"
_WARM = 4  # processes, at most, that import before there is work


class _Shared:
    """The process, for as long as it lives; where it has died, each task run gets a process of its own again.

    Then Ray says which one of them took it down.
    """

    def __init__(self) -> None:
        self.actor: Any = None
        self._warming: list[Any] = []
        self.takes = False  #: new task runs

    def start(self, modules: Iterable[str] = ()) -> None:
        """Starts it, and lets the first workers import `modules`, beside whatever else is being started."""
        modules = [_OF_EVERY_TASK, *modules]
        host = ray.remote(concurrency_groups={_CONTROL: 1})(Waiters)
        self.actor = host.options(num_cpus=0, max_concurrency=_THREADS).remote([*modules, _OF_WAITERS])
        self.takes = True
        cpus = int(ray.cluster_resources().get("CPU", 1))
        warm = ray.remote(num_cpus=1, max_retries=0)(import_all)
        self._warming = [warm.remote(modules) for _ in range(min(cpus, _WARM))]

    def gone(self) -> None:
        """The process has died, or ends with Ray."""
        self.actor, self._warming, self.takes = None, [], False

    def cancel(self, refs: Iterable[Any], *, force: bool) -> None:
        """Interrupts task runs wherever they are; with `force` their processes are killed."""
        for ref in refs:
            shared = not ref.task_id().actor_id().is_nil()
            if not (shared and force):
                ray.cancel(ref, force=force)
        self.takes = False
        if self.actor and force:
            ray.kill(self.actor)
        elif self.actor:
            with contextlib.suppress(RayError):
                self.actor.stop.options(concurrency_group=_CONTROL).remote()


waiters = _Shared()
