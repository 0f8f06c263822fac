"""Ray for this process: a cluster that is joined, or a private one that ends with us. Started late, and quietly."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray

from actors.spec import NAMESPACE
from flows.services.addresses import ray_cluster
from flows.services.environment import prepare_environment, worker_environment
from flows.services.ray_cluster import joinable
from flows.services.ray_nodes import check_nodes
from flows.services.ray_private import quiet_workers, session_directory
from flows.services.ray_task_host import task_host
from flows.services.reaper import ENDED, MARK
from medley.errors import SetupError
from medley.settings import Settings, load_settings

#: Where our packages are: a `tasks`, `flows` or `actors` of the user's working directory must not come before them.
_OURS = Path(__file__).parents[2]


def start_ray_for_flow() -> None:
    """Starts Ray for a deployed run, as the settings say."""
    settings = load_settings()
    prepare_environment(settings)
    start_ray(settings)
    task_host.start()


def ensure_ray() -> None:
    """Starts Ray for a deployed run where it does not run yet; in the main thread."""
    if not ray.is_initialized():
        start_ray_for_flow()


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
                **(_joined() if cluster else _private_cluster(settings)),
            )
            if not cluster:
                _reapers[-1].stdin.write(f"{session_directory()}\n".encode())  # type: ignore[union-attr]  # a pipe
                _reapers[-1].stdin.flush()  # type: ignore[union-attr]
            if settings.ray_address:
                check_nodes()
        except Exception as error:  # Ray raises of every kind, some of them bare
            stop_ray()
            raise error if isinstance(error, SetupError) else _unstarted(error, cluster) from error


def _unstarted(error: Exception, cluster: str | None) -> SetupError:
    why = " ".join(str(error).split())[:300] or type(error).__name__
    if cluster and "ersion mismatch" in why:
        remedy = "Use the same Python and Ray here and on the cluster: both are in requirements.lock"
        return SetupError(f"the Ray cluster at {cluster} has other versions: {why}", remedy=remedy)
    if cluster:
        return SetupError(f"the Ray cluster at {cluster} cannot be joined: {why}", remedy="See the logs of its head")
    remedy = "Run again; on a slow machine set RAY_raylet_start_wait_time_s=120. Logs: /tmp/ray/session_latest/logs"
    return SetupError(f"Ray does not start: {why}", remedy=remedy)


def stop_ray() -> None:
    """Leaves the cluster; a private one ends, and is gone when this returns."""
    task_host.gone()
    if ray.is_initialized():
        ray.shutdown()
    kill_private_cluster()


def kill_private_cluster() -> None:
    """Kills everything that `start_ray` started in this process, and returns when all is gone; for a hard exit."""
    while _reapers:
        _reapers.pop().communicate(ENDED)


def _joined() -> dict[str, Any]:
    return {"runtime_env": {"env_vars": worker_environment()}}


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
