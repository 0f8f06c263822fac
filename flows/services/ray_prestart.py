"""Keeps workers of the standing cluster started, all imported that task runs need: whoever comes next takes one.

Ray starts a worker when there is work for it, 3 s of CPU for Python, Ray and ours. Those that are kept belong to no job
until a task host (ray_task_host.py) of some job takes them, which has the same environment.
"""

from __future__ import annotations

import time
from typing import Any

import psutil
import ray

import actors
import flows
import medley
import tasks
from flows.services.environment import worker_environment
from flows.services.log import logger
from flows.services.ray_preload import PRELOAD
from flows.services.ray_private import Raylet
from medley.code import code_of
from medley.system.stop import STOP

_EVERY_S = 1.0
#: Percent of all CPUs. Above that, whoever has taken a worker needs them: one more is started only where none is left.
_QUIET = 50.0
_QUIET_S = 5.0
_START_S = 30.0  # as long as started ones are waited for before more are asked for


def environment_of_hosts() -> dict[str, Any]:
    """Returns the runtime environment of Ray for task hosts in a cluster that was joined."""
    return {"env_vars": {**worker_environment(), PRELOAD: code_of(actors, flows, medley, tasks)}}


class _Probe:
    """On a worker: its environment as Ray writes it, which merges ours and that of the job."""

    def runtime_env(self) -> str:
        written: str = ray.get_runtime_context().get_runtime_env_string()
        return written


def keep_ready(count: int) -> None:
    """Keeps `count` workers ready that nobody has taken yet, until the process is to stop. Raises grpc.RpcError."""
    raylet, probe = Raylet(), ray.remote(num_cpus=0, runtime_env=environment_of_hosts())(_Probe).remote()
    wanted = ray.get(probe.runtime_env.remote())
    ray.kill(probe)
    known, busy_at, asked_at = count, time.monotonic(), 0.0
    while not STOP.wait(_EVERY_S):
        ready, now = raylet.workers_of_no_job(), time.monotonic()
        if ready != known:
            logger.info("%d workers wait for work", ready)
            known = ready
        if psutil.cpu_percent() > _QUIET:  # since the last look
            busy_at = now
        wanted_now = missing(count, ready, now - busy_at)
        if wanted_now and now - asked_at > _START_S:
            raylet.start_workers(wanted_now, wanted)
            asked_at = now


def missing(count: int, ready: int, quiet_s: float) -> int:
    """Returns how many workers are to be started now: all that are missing once the CPUs have been free for a while.

    Until then one is started, and only where none is left.
    """
    return max(0, count - ready) if quiet_s > _QUIET_S else int(not ready)
