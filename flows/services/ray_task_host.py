"""One process of this driver for its task runs, each in a thread: not one process each with the same imports.

Task runs that compute share it only where the cluster is one machine: on others, Ray spreads them over the nodes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import ray
from ray.exceptions import RayError

from flows.services.ray_prestart import environment_of_hosts
from flows.services.ray_worker import TaskHost

_THREADS = 32  # for task runs that wait
#: Calls that are answered while all threads wait; task runs that compute, as many as the machine has CPUs.
_CONTROL, _COMPUTE = "control", "compute"
#: Options of a task that may share a process with others.
_SHARED = frozenset({"num_cpus", "max_retries"})
_OF_EVERY_TASK = ("tasks.prefect_tasks", "pymilvus")


class _Shared:
    """The process, for as long as it lives; where it has died, each task run gets a process of its own again.

    Then Ray says which one of them took it down.
    """

    def __init__(self) -> None:
        self.actor: Any = None
        self._computes = False
        self.takes = False  #: new task runs

    def start(self, modules: Iterable[str] = ()) -> None:
        """Starts it; it imports `modules`, beside whatever else is being started."""
        nodes = [node for node in ray.nodes() if node["Alive"]]
        cpus = int(nodes[0]["Resources"].get("CPU", 0)) if len(nodes) == 1 else 0
        host = ray.remote(concurrency_groups={_CONTROL: 1, _COMPUTE: max(1, cpus)})(TaskHost)
        joined = {"runtime_env": environment_of_hosts()} if ray.get_runtime_context().runtime_env else {}
        options = host.options(num_cpus=0, max_concurrency=_THREADS, **joined)
        self.actor = options.remote([*_OF_EVERY_TASK, *modules])
        self._computes = cpus > 0
        self.takes = True

    def submitter(self, name: str, options: Mapping[str, Any]) -> Callable[..., Any] | None:
        """Returns the function that submits the runs of a task with these options of Ray.

        None where such runs cannot share a process.
        """
        cpus = options.get("num_cpus", 1)
        if not self.actor or not _SHARED.issuperset(options) or cpus > 1 or (cpus == 1 and not self._computes):
            return None
        group = {"concurrency_group": _COMPUTE} if cpus == 1 else {}
        submit: Callable[..., Any] = self.actor.run.options(name=name, **group).remote
        return submit

    def gone(self) -> None:
        """Forgets the shared process, which has died or ends with Ray."""
        self.actor, self.takes = None, False

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


task_host = _Shared()
