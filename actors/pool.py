"""Pools: where the resident models live. On Ray, named detached actors shared by runs; else objects of this process."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, GetTimeoutError, RayTaskError

import actors
import medley
from actors.caption import CaptionActor
from actors.clip import ClipActor
from actors.ocr import OcrActor
from actors.text import TextActor
from actors.whisper import WhisperActor
from medley.code import code_of
from medley.errors import ActorDied, ModelTimeout
from medley.models.base import ModelSpec, Vectors
from medley.run import TaskContext
from medley.system.stop import raise_if_stopped

NAMESPACE = "medley"
_WATCH = "watch"  # calls that an actor answers while it works
_LOOK_S = 10.0
#: Before a call is made again whose actor went away.
_PAUSES_S = (0.5, 2.0, 5.0)
logger = logging.getLogger("medley.models")


class Pool(Protocol):
    """The resident actors of one model."""

    def call(self, method: str, *args: Any) -> Any:
        """One batch. Raises what the model raises, ActorDied when its process went away."""
        ...


class RayPool:
    """A named detached actor: whoever asks first creates it, everybody after that shares it."""

    def __init__(self, host: type, spec: ModelSpec, threads: int, gpus: float, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._look_s = min(_LOOK_S, timeout_s)
        self._what = f"{spec.kind} model {spec.id}"
        self._actor = (
            ray.remote(concurrency_groups={_WATCH: 1})(host)
            .options(
                name=actor_name(host, spec),
                namespace=NAMESPACE,
                get_if_exists=True,
                lifetime="detached",
                num_cpus=0,  # with a CPU each, actors and tasks do not fit on two cores
                num_gpus=gpu_share(spec, gpus),
                max_restarts=-1,
                max_task_retries=0,  # else Ray would do again what was ended because it took too long
                runtime_env={"env_vars": {"OMP_NUM_THREADS": str(threads)}},
            )
            .remote(spec, threads)
        )

    def call(self, method: str, *args: Any) -> Any:
        """See `Pool`."""
        for pause_s in _PAUSES_S:
            with contextlib.suppress(ActorDied):
                return self._once(method, args)
            time.sleep(pause_s)  # it is being started again
            raise_if_stopped()
        return self._once(method, args)

    def _once(self, method: str, args: tuple[Any, ...]) -> Any:
        call_id = uuid.uuid4().hex
        try:
            answer = self._actor.run.remote(call_id, method, *args)
            self._await(answer, call_id)
            return _logged(ray.get(answer))
        except RayTaskError as error:
            raise error.cause from error
        except (ActorDiedError, ActorUnavailableError) as error:
            raise ActorDied(f"the process of the {self._what} went away: {str(error).splitlines()[0]}") from error

    def _await(self, answer: Any, call_id: str) -> None:
        """Until the answer is there. Waiting behind other calls costs nothing: the clock runs while the model works.

        Raises ModelTimeout; the actor begins anew then, and the calls that wait behind are made again.
        """
        heard = time.monotonic()
        while not ray.wait([answer], timeout=self._look_s)[0]:
            try:
                asked = self._actor.working_s.options(concurrency_group=_WATCH).remote(call_id)
                working_s = ray.get(asked, timeout=self._look_s)
                heard = time.monotonic()
            except GetTimeoutError:  # it has no place yet, or hangs as a whole
                working_s = time.monotonic() - heard
            if working_s > self._timeout_s:
                ray.kill(self._actor, no_restart=False)
                remedy = "Raise MEDLEY_POOLS__CALL_TIMEOUT_S, use a faster model, or give the cluster more room"
                raise ModelTimeout(f"the {self._what} has not answered for {self._timeout_s:g} s", remedy=remedy)


class LocalPool:
    """The same model as an object of this process (or a client of its server), one call at a time."""

    _lock = threading.Lock()
    _hosts: ClassVar[dict[tuple[type, ModelSpec], tuple[Any, threading.Lock]]] = {}

    def __init__(self, host: type, spec: ModelSpec, threads: int) -> None:
        with self._lock:
            known = (host, spec)
            if known not in self._hosts:
                self._hosts[known] = (host(spec, threads), threading.Lock())
            self._host, self._turn = self._hosts[known]

    def call(self, method: str, *args: Any) -> Any:
        """See `Pool`."""
        raise_if_stopped()
        with self._turn:
            raise_if_stopped()
            return _logged(self._host.run("", method, *args))


def _logged(answer: tuple[Any, list[str]]) -> Any:
    """The result; what its actor noted goes to the log of the task that asked."""
    result, notes = answer
    for note in notes:
        logger.info(note)
    return result


def speech_pool(run: TaskContext) -> Pool:
    """The pool of the run's speech model (`WhisperActor`)."""
    return _pool(WhisperActor, run.models.speech, run, run.pools.speech_gpus)


def vision_pool(run: TaskContext) -> Pool:
    """The pool of the run's vision model (`ClipActor`)."""
    return _pool(ClipActor, run.models.vision, run, run.pools.vision_gpus)


def text_pool(run: TaskContext) -> Pool:
    """The pool of the run's text model (`TextActor`)."""
    return _pool(TextActor, run.models.text, run, run.pools.text_gpus)


def ocr_pool(run: TaskContext) -> Pool:
    """The pool of the run's OCR model (`OcrActor`)."""
    return _pool(OcrActor, run.models.ocr, run, 0.0)


def caption_pool(run: TaskContext) -> Pool:
    """The pool of the run's vision-language model (`CaptionActor`)."""
    assert run.models.caption
    return _pool(CaptionActor, run.models.caption, run, run.pools.caption_gpus)


def in_batches(
    pool_of: Callable[[TaskContext], Pool], run: TaskContext, method: str, items: Sequence[Any], size: int = 64
) -> Vectors:
    """Encodes `items` in batches of `size`; shape (len(items), dim). Where there are none, no model is asked for.

    No batch begins once the run is to end.
    """
    if not items:
        return np.empty((0, 0), np.float32)
    pool = pool_of(run)
    parts: list[Vectors] = []
    for at in range(0, len(items), size):
        raise_if_stopped()
        parts.append(pool.call(method, items[at : at + size]))
    return np.concatenate(parts)


def actor_name(host: type, spec: ModelSpec) -> str:
    """Another model, or other code of ours, is another actor: a resident one is never asked for what it is not."""
    code = hashlib.sha256((code_of(actors, medley) + inspect.getsource(host)).encode()).hexdigest()[:8]
    return f"{host.__name__}-{spec.fingerprint}-{spec.device}-{code}"


def gpu_share(spec: ModelSpec, share: float) -> float:
    """The share of a GPU to ask Ray for: none where the model runs on the CPU or the cluster declares no GPU."""
    if spec.device == "cpu" or not ray.cluster_resources().get("GPU"):
        return 0.0
    return share


def model_threads(configured: int) -> int:
    """CPU threads of one model: as configured, else half of the cores."""
    return configured or max(1, (os.cpu_count() or 1) // 2)


def _pool(host: type, spec: ModelSpec, run: TaskContext, gpus: float) -> Pool:
    threads = model_threads(run.pools.threads)
    if run.runner == "local" or spec.endpoint:  # a client of a server's needs no actor
        return LocalPool(host, spec, threads)
    return RayPool(host, spec, threads, gpus, run.pools.call_timeout_s)
