"""Where tasks run: Ray (started late, quietly, in the main thread) or threads of this process."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import Task
from prefect_ray import RayTaskRunner
from ray.exceptions import RayError, RpcError

from actors.ray_pool import NAMESPACE
from flows.services.addresses import ray_cluster
from flows.services.environment import prepare_environment, worker_environment
from flows.services.prefect_private import PrefectRayFuture, RemoteOptionsContext
from flows.services.ray_cluster import joinable, living_nodes, resolved
from flows.services.ray_private import ALIVE, GcsClient, quiet_workers
from flows.services.reaper import ENDED, MARK
from flows.services.supervise import is_reachable
from medley.errors import SetupError
from medley.settings import Settings, load_settings

#: Where our packages are: a `tasks`, `flows` or `actors` of the user's working directory must not come before them.
_OURS = Path(__file__).parents[2]
_REACH_S = 5.0
_STAGES_IN_FLIGHT = 16  # a waiting dependent holds a thread of the pool: room for every stage of an item


class MedleyRayRunner(RayTaskRunner[Any]):  # type: ignore[misc]  # its library has no types
    """Starts Ray at the first submit, reads a task's resources from `task.ray_options`, cancels what is left at exit.

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
        self._refs: dict[uuid.UUID, Any] = {}
        self._lock = threading.Lock()

    def duplicate(self) -> MedleyRayRunner:
        """As Prefect asks before each flow run."""
        return type(self)(address=self.address, init_kwargs=self.init_kwargs, start=self._start)

    def __getstate__(self) -> dict[str, Any]:
        return {"address": self.address, "init_kwargs": {}}  # to workers: no locks, refs or callables

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MedleyRayRunner) and self.address == other.address

    __hash__ = None  # type: ignore[assignment]

    def __enter__(self) -> MedleyRayRunner:
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
        """As Prefect asks for each `task.submit`."""
        if not ray.is_initialized():
            (self._start or start_ray_for_flow)()
        given = RemoteOptionsContext.get().current_remote_options
        options = {"max_retries": 0, **getattr(task, "ray_options", {}), **given}
        with RemoteOptionsContext(current_remote_options=options):
            future = super().submit(task, parameters, wait_for=wait_for, dependencies=dependencies)
        with self._lock:
            self._refs[future.task_run_id] = future.wrapped_future
        return future

    def forget(self, future: PrefectFuture[Any]) -> None:
        """Lets go of a future that is done."""
        with self._lock:
            self._refs.pop(future.task_run_id, None)

    def cancel_all(self, *, force: bool = False) -> None:
        """Interrupts what is still running or waiting; with `force` its workers are killed."""
        with self._lock:
            refs = list(self._refs.values())
        if refs and ray.is_initialized():
            _, running = ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)
            for ref in running:
                ray.cancel(ref, force=force)


def local_runner(settings: Settings) -> ThreadPoolTaskRunner[Any]:
    """Threads of this process, enough that waiting stages never keep a running one out."""
    return ThreadPoolTaskRunner(max_workers=settings.window * _STAGES_IN_FLIGHT)


def start_ray_for_flow() -> None:
    """For a deployed run: Ray as the settings say."""
    settings = load_settings()
    prepare_environment(settings)
    start_ray(settings)


def start_ray(settings: Settings) -> None:
    """Joins the given cluster or starts a private one; in the main thread (Ray's children die with the thread).

    Raises SetupError, ServiceUnreachable where the cluster cannot be joined, or none can be started here.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("Ray has to be started in the main thread")
    cluster = ray_cluster(settings)
    cluster = joinable(cluster) if cluster else None
    quiet_workers()
    with _signals_kept(), contextlib.chdir(_OURS):  # Ray puts the driver's directory before all else on its workers
        try:
            ray.init(
                address=cluster or "local",
                namespace=NAMESPACE,
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env={"env_vars": worker_environment()},
                **({} if cluster else _private_cluster(settings)),
            )
        except Exception as error:  # Ray raises of every kind, some of them bare
            stop_ray()
            raise _unstarted(error, cluster) from error


def _unstarted(error: Exception, cluster: str | None) -> SetupError:
    why = " ".join(str(error).split())[:300] or type(error).__name__
    if cluster:
        return SetupError(f"the Ray cluster at {cluster} cannot be joined: {why}", remedy="See the logs of its head")
    remedy = "Run again; on a slow machine set RAY_raylet_start_wait_time_s=120. Logs: /tmp/ray/session_latest/logs"
    return SetupError(f"Ray does not start: {why}", remedy=remedy)


def stop_ray() -> None:
    """Leaves the cluster; a private one ends, and is gone when this returns."""
    if ray.is_initialized():
        ray.shutdown()
    kill_private_cluster()


def kill_private_cluster() -> None:
    """Everything that `start_ray` started in this process is gone when this returns; for a hard exit."""
    while _reapers:
        _reapers.pop().communicate(ENDED)


def cluster_gpus(address: str) -> float:
    """GPUs that the living nodes of the cluster at `address` declare; raises SetupError, ServiceUnreachable."""
    return sum(node.gpus for node in living_nodes(resolved(address)))


def lost_cluster() -> str:
    """Why the cluster that this process has joined cannot finish anything any more; empty where it is well.

    Ray itself says nothing when the raylet beside the driver dies, and aborts the driver a minute after the GCS died.
    """
    if not ray.is_initialized():
        return ""
    context = ray.get_runtime_context()
    gcs = context.gcs_address
    if not is_reachable(f"tcp://{gcs}", _REACH_S):
        return f"its head node does not answer at {gcs}"
    try:
        nodes = GcsClient(address=gcs).get_all_node_info(timeout=_REACH_S).values()
    except RpcError:
        return ""  # busy, or going away just now: the next look tells
    ours = next((node for node in nodes if node.node_id.hex() == context.get_node_id()), None)
    return "" if ours is None or ours.state == ALIVE else "the raylet of this machine has died"


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """What a cluster declares, and why a worker of it does not reach a URL (empty where it does)."""

    nodes: int
    cpus: float
    gpus: float
    error: str


def on_a_worker(url: str | None, timeout_s: float) -> ClusterInfo:
    """Looks at the cluster that this process has joined, and from a worker of it at `url`."""
    declared = ray.cluster_resources()
    error = ""
    if url:
        try:
            there = ray.remote(is_reachable).options(num_cpus=0.1).remote(url, 10.0)
            error = "" if ray.get(there, timeout=timeout_s) else "no answer"
        except RayError as lost:
            error = str(lost).splitlines()[0]
    nodes = sum(1 for node in ray.nodes() if node["Alive"])
    return ClusterInfo(nodes, declared.get("CPU", 0.0), declared.get("GPU", 0.0), error)


def _private_cluster(settings: Settings) -> dict[str, Any]:
    _start_reaper()
    return {
        "num_cpus": settings.ray.num_cpus,
        "num_gpus": settings.ray.num_gpus,
        "include_dashboard": False,
        "object_store_memory": settings.ray.object_store_mb << 20,
    }


def _start_reaper() -> None:
    """Everything that Ray starts inherits the mark; see _reaper.py."""
    mark = uuid.uuid4().hex
    reaper = subprocess.Popen(
        [sys.executable, "-P", "-m", "flows.services.reaper", mark],
        stdin=subprocess.PIPE,  # held open by this process, to its end
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.environ[MARK] = mark
    _reapers.append(reaper)


_reapers: list[subprocess.Popen[bytes]] = []


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """`ray.init` replaces the SIGTERM handler and does not put it back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
