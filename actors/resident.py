"""Where the resident models of a run live: on Ray, or in this process. Imports Ray only where the run is on Ray."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any, ClassVar

from actors.host import ModelActor, log_notes
from actors.ocr import OcrActor
from actors.whisper import WhisperActor
from medley.artifacts.references import as_references
from medley.media.spread import HERE, Spread
from medley.models.base import ModelSpec
from medley.run import Pool, TaskContext, provide_pools
from medley.system.loading import waiting_for
from medley.system.machine import cpus
from medley.system.stop import raise_if_stopped

#: Hosts that do more than pass calls on; every other kind of model has a `ModelActor`.
_HOSTS: dict[str, type[Any]] = {"speech": WhisperActor, "ocr": OcrActor}


def pool_for(spec: ModelSpec, context: TaskContext) -> Pool:
    """Returns the pool of a model's resident processes: created where nobody has asked yet, shared by all runs."""
    host, threads = _HOSTS.get(spec.kind, ModelActor), model_threads(context.pools.threads)
    if context.runner == "local" or spec.endpoint:  # a client of a server's needs no actor
        return LocalPool(host, spec, threads)
    from actors.ray_pools import ray_pool

    refer = partial(as_references, root=context.artifacts, url=context.artifacts_url, cache_mb=context.cache_mb)
    return ray_pool(host, spec, threads, context.pools, context.run_id, refer)


class LocalPool:
    """The same model as an object of this process (or a client of its server), one call at a time."""

    ahead = 1  #: the model is asked in the thread of the task
    _lock = threading.Lock()
    _hosts: ClassVar[dict[tuple[type, ModelSpec], tuple[Any, threading.Lock]]] = {}

    def __init__(self, host: type, spec: ModelSpec, threads: int) -> None:
        with self._lock:
            known = (host, spec)
            if known not in self._hosts:
                with waiting_for(spec.fingerprint):
                    self._hosts[known] = (host(spec, threads), threading.Lock())
            self._host, self._turn = self._hosts[known]

    def call(self, method: str, *args: Any) -> Any:
        """Calls a method of the model with one batch; see `medley.run.Pool`."""
        raise_if_stopped()
        with self._turn:
            raise_if_stopped()
            result, notes = self._host.run("", method, *args)
            log_notes(notes)
            return result


def model_threads(configured: int) -> int:
    """Returns the number of CPU threads of one model: as configured, else half of the CPUs of this process."""
    return configured or max(1, cpus() // 2)


def spread_for(context: TaskContext) -> Spread:
    """Returns where parts of one long file of a run are worked on."""
    if context.runner == "local":
        return HERE
    from actors.spread import ray_spread

    return ray_spread(context.artifact_store)


provide_pools(pool_for, spread_for)
