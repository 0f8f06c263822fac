"""Resident models on Ray: named detached actors, shared by all runs."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import logging
import time
import uuid
from functools import lru_cache
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, GetTimeoutError, RayTaskError

import actors
import medley
from actors.host import ModelActor, SharedHost, logged
from medley.code import code_of
from medley.errors import ActorDied, ModelTimeout
from medley.models.base import ModelSpec
from medley.system.stop import STOP, raise_if_stopped

NAMESPACE = "medley"
_WATCH = "watch"  # calls that an actor answers while it works
#: Kinds of models that share a process where they run on the CPU: both need torch and transformers.
_TOGETHER = frozenset({"text", "vision"})
_CALLERS = 32  # of that process: those of one model that wait for their turn keep no other model's out
_LOOK_S = 10.0
_TICK_S = 0.5  # between looks at the stop flag
#: Before a call is made again whose actor went away.
_PAUSES_S = (0.5, 2.0, 5.0)
logger = logging.getLogger("medley.models")


class RayPool:
    """A named detached actor: whoever asks first creates it, everybody after that shares it."""

    def __init__(self, host: type, spec: ModelSpec, threads: int, gpus: float, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._look_s = min(_LOOK_S, timeout_s)
        self._what = f"{spec.kind} model {spec.id}"
        share = gpu_share(spec, gpus)
        if share or host is not ModelActor or spec.kind not in _TOGETHER:
            self._of: tuple[ModelSpec, ...] = ()
            self._actor = _actor(host, actor_name(host, spec), num_gpus=share).remote(spec, threads)
            return
        self._of = (spec,)
        name = f"{SharedHost.__name__}-cpu-{threads}-{_code(SharedHost)}"
        self._actor = _actor(SharedHost, name, max_concurrency=_CALLERS).remote(threads)
        self._actor.begin.remote(spec)

    def call(self, method: str, *args: Any) -> Any:
        """Calls a method of the model with one batch; see `medley.run.Pool`."""
        for pause_s in _PAUSES_S:
            with contextlib.suppress(ActorDied):
                return self._once(method, args)
            time.sleep(pause_s)  # it is being started again
            raise_if_stopped()
        return self._once(method, args)

    def _once(self, method: str, args: tuple[Any, ...]) -> Any:
        call_id = uuid.uuid4().hex
        try:
            answer = self._actor.run.remote(call_id, *self._of, method, *args)
            self._await(answer, call_id)
            return logged(ray.get(answer))
        except RayTaskError as error:
            raise error.cause from error
        except (ActorDiedError, ActorUnavailableError) as error:
            raise ActorDied(f"the process of the {self._what} went away: {str(error).splitlines()[0]}") from error

    def _await(self, answer: Any, call_id: str) -> None:
        """Until the answer is there. Waiting behind other calls costs nothing: the clock runs while the model works.

        Raises ModelTimeout; the actor begins anew then, and the calls that wait behind are made again.
        """
        heard = looked = time.monotonic()
        while not ray.wait([answer], timeout=min(_TICK_S, self._look_s))[0]:
            if STOP.is_set():
                ray.cancel(answer)  # it may wait behind others, and nobody wants it now
                raise_if_stopped()
            if time.monotonic() - looked < self._look_s:
                continue
            looked = time.monotonic()
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


def actor_name(host: type, spec: ModelSpec) -> str:
    """Names the actor of a model after host, model, device and code.

    Another model, or other code of Medley, is another actor: a resident actor is never asked for what it is not.
    """
    return f"{host.__name__}-{spec.fingerprint}-{spec.device}-{_code(host)}"


def _actor(host: type, name: str, **options: Any) -> Any:
    return ray.remote(concurrency_groups={_WATCH: 1})(host).options(
        name=name,
        namespace=NAMESPACE,
        get_if_exists=True,
        lifetime="detached",
        num_cpus=0,  # with a CPU each, actors and tasks do not fit on two cores
        max_restarts=-1,
        max_task_retries=0,  # else Ray would do again what was ended because it took too long
        **options,
    )


@lru_cache
def _code(host: type) -> str:
    found = Path(inspect.getfile(host)).read_bytes()  # `inspect.getsource` would parse it: 80 ms
    return hashlib.sha256(code_of(actors, medley).encode() + host.__qualname__.encode() + found).hexdigest()[:8]


def gpu_share(spec: ModelSpec, share: float) -> float:
    """Returns the share of a GPU to ask Ray for: none where the model is on the CPU or the cluster declares no GPU."""
    if spec.device == "cpu" or not ray.cluster_resources().get("GPU"):
        return 0.0
    return share
