"""Models on Ray, as the tasks of a run ask them: through the master of their pool."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray.cloudpickle import dumps, loads
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError

import actors
import medley
from actors.calls import Call
from actors.dispatcher import Answer
from actors.host import log_notes
from actors.master import PoolMaster
from actors.model_pool import Refused
from actors.replica import Facts
from actors.spec import NAMESPACE, UNKNOWN, PoolSpec
from medley.code import code_of
from medley.errors import ActorDied
from medley.system.loading import waiting_for
from medley.system.machine import cpus
from medley.system.stop import STOP, raise_if_stopped

MASTER = "pools-"  #: what the names of masters begin with; the code follows
_HEAD = "node:__internal_head__"  #: Ray's own resource of the head node: a master lives as long as the cluster
_TICK_S = 0.5  # between looks at the stop flag
#: Before a call is made again whose master went away: Ray notices the death of a node after 15 s.
_PAUSES_S = (0.5, 2.0, 5.0, 10.0)
_NAME = 120  #: characters of an item that stand for it in an error
_preparing = threading.BoundedSemaphore(cpus())


class RayPool:
    """The pool of a model, for one run. Whoever asks first has its master and its replicas started."""

    ahead = 3  #: one is prepared, one waits, one is at work

    def __init__(
        self, spec: PoolSpec, run: str, refer: Callable[[Any], Any] = lambda args: args, model: str = ""
    ) -> None:
        """Makes the pool for one run; `refer` replaces what another machine cannot read in the arguments of a call.

        `model` is the fingerprint under which `medley.system.loading` notes how long it was waited for.
        """
        self._spec, self._run, self._refer, self._model = spec, run, refer, model
        self._facts: Facts | None = None
        self._master = master()
        self._master.keep.remote(spec)

    def call(self, method: str, *args: Any) -> Any:
        """Calls a method of the model with one batch; see `medley.run.Pool`."""
        facts = self._facts or self._known_facts()
        answer = self._asked(self._call(method, args, facts))
        log_notes(answer.notes)
        if answer.error is not None:
            raise _unpickled(answer.error)
        parts = [_unpickled(part) for part in answer.parts]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else [item for part in parts for item in part]

    def end(self) -> None:
        """Ends the processes of the model, for all runs."""
        ray.get(self._master.end.remote(self._spec.key))

    def _call(self, method: str, args: tuple[Any, ...], facts: Facts) -> Call:
        """The call as the master gets it; what needs a CPU only is done here, beside the model."""
        call_id = uuid.uuid4().hex
        if method in facts.prepared and len(args[0]):
            (items, *rest), names = args, tuple(map(str, args[0]))
            method, function, options = facts.prepared[method]
            with _preparing:
                items = ray.put(_function(function)(items, **options))
            return Call(call_id, self._run, method, [items], len(names), dumps(tuple(rest)), True, True, names)
        names = tuple(str(item)[:_NAME] for item in args[0]) if method in facts.divisible else ()
        args = self._refer(args)
        if method in facts.divisible and len(args[0]):
            return Call(call_id, self._run, method, dumps(args[0]), len(names), dumps(args[1:]), True, False, names)
        return Call(call_id, self._run, method, None, rest=dumps(args))

    def _known_facts(self) -> Facts:
        with waiting_for(self._model):
            found = self._waited(lambda: self._master.facts.remote(self._spec))
        if isinstance(found, Refused):
            raise _unpickled(found.error)
        self._facts = found
        return found  # type: ignore[no-any-return]

    def _asked(self, call: Call) -> Answer:
        answer = self._waited(lambda: self._master.call.remote(self._spec.key, call))
        while answer == UNKNOWN:  # another master, or somebody has ended the pool meanwhile
            answer = self._waited(lambda: self._master.call.remote(self._spec, call))
        return answer  # type: ignore[no-any-return]

    def _waited(self, ask: Callable[[], Any]) -> Any:
        """What the master answers, who may have to be started again meanwhile."""
        for pause_s in (*_PAUSES_S, None):
            try:
                return _answer(ask())
            except RayTaskError as error:
                raise error.cause from error
            except RayActorError as error:
                if pause_s is None:
                    why = f"the master of the {self._spec.what} went away: {str(error).splitlines()[0]}"
                    raise ActorDied(why) from error
                time.sleep(pause_s)
                raise_if_stopped()
                self._master = master()
        raise AssertionError


def _unpickled(value: Any) -> Any:
    return loads(value) if isinstance(value, bytes) else value


def _answer(ref: Any) -> Any:
    """Waits for an answer, and gives up where the run is to stop: nobody wants it now."""
    while True:
        try:
            return ray.get(ref, timeout=_TICK_S)
        except GetTimeoutError:
            if STOP.is_set():
                ray.cancel(ref)
                raise_if_stopped()


def master() -> Any:
    """Returns the master of all models of this code; whoever asks first has it started, on the cluster's head."""
    name = MASTER + code()
    return (
        ray.remote(PoolMaster)
        .options(
            name=name,
            namespace=NAMESPACE,
            get_if_exists=True,
            lifetime="detached",
            num_cpus=0,
            resources={_HEAD: 0.001},
            max_restarts=-1,
            max_task_retries=0,  # callers ask again
            max_concurrency=10_000,  # calls that wait
        )
        .remote(name)
    )


@lru_cache
def code() -> str:
    """Returns the fingerprint of our code: a resident model is never asked for what it is not."""
    return hashlib.sha256(code_of(actors, medley).encode()).hexdigest()[:8]


@lru_cache
def code_of_loader(name: str) -> str:
    """Returns the fingerprint of a module of somebody else's that loads a model; empty for ours."""
    if "." not in name or name.startswith("medley."):
        return ""
    found = find_spec(name)
    return hashlib.sha256(Path(found.origin).read_bytes()).hexdigest()[:8] if found and found.origin else ""


@lru_cache
def _function(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), attribute)
    return found
