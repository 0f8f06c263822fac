"""What all hosts of models share."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from medley.models.base import ModelSpec, load_model

logger = logging.getLogger("medley.models")


class Host:
    """Loads a model once; `run` is what pools call: a result, and what there is to say about it.

    An actor has no task run of Prefect around it: its notes travel with the result, and the task logs them.
    """

    _notes: list[str]
    _call_id = ""
    _since = 0.0

    def run(self, call_id: str, method: str, *args: Any) -> tuple[Any, list[str]]:
        """Calls `method` once, and returns the result with the notes that were made meanwhile."""
        self._notes = []
        self._since, self._call_id = time.monotonic(), call_id
        return getattr(self, method)(*args), self._notes

    def working_s(self, call_id: str) -> float:
        """Tells how many seconds the model has been at the present batch of a call; 0.0 before the call has begun.

        A pool asks for this time while `run` is at work.
        """
        return time.monotonic() - self._since if self._call_id == call_id else 0.0

    def ready(self) -> None:
        """Answers when the model is loaded."""

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Notes `what` and how long the block took: one batch, for which the pool's clock starts again."""
        began = self._since = time.monotonic()
        yield
        self.__dict__.setdefault("_notes", []).append(f"{what} in {time.monotonic() - began:.2f} s")


class ModelActor(Host):
    """Hosts any model: loads once, then passes each batch on to the method that is asked for, one at a time."""

    def __init__(self, spec: ModelSpec, threads: int) -> None:
        self._model: Any = load_model(spec, threads=threads)

    def run(self, call_id: str, method: str, *args: Any) -> tuple[Any, list[str]]:
        """Calls a method of the model once, and returns the result with the notes that were made meanwhile."""
        self._notes, self._since = [], time.monotonic()
        self._call_id = call_id
        if method == self.ready.__name__:
            return None, []
        count = f" of {len(args[0])}" if args and isinstance(args[0], (list, tuple)) else ""
        with self.timed(f"{method}{count}"):
            return getattr(self._model, method)(*args), self._notes


class SharedHost:
    """Hosts several models in one process, each loaded when it is first asked for, and asked by one call at a time.

    For models on the CPU that need the same libraries: these cost more memory and time than the models. Each model has
    one thread, which loads and asks it: of many that take turns each keeps the memory that it has needed once, 2 GB.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._hosts: dict[ModelSpec, ModelActor] = {}
        self._workers: dict[ModelSpec, ThreadPoolExecutor] = {}
        self._lock = threading.Lock()
        self._loading: dict[ModelSpec, float] = {}

    def run(self, call_id: str, spec: ModelSpec, method: str, *args: Any) -> tuple[Any, list[str]]:
        """Calls a method of the model of `spec` once, as `ModelActor.run` does of its only model."""
        found: tuple[Any, list[str]] = self._worker(spec).submit(self._run, call_id, spec, method, *args).result()
        return found

    def _run(self, call_id: str, spec: ModelSpec, method: str, *args: Any) -> tuple[Any, list[str]]:
        return self._loaded(spec).run(call_id, method, *args)

    def begin(self, spec: ModelSpec) -> None:
        """Loads the model before anybody asks. Raises nothing: who asks for a result loads it again, and is told."""
        if spec not in self._hosts:
            with suppress(Exception):
                self._worker(spec).submit(self._loaded, spec).result()

    def working_s(self, call_id: str) -> float:
        """Tells how many seconds a model has been at work on a call; see `Host.working_s`.

        A model that is being loaded counts: the call may wait for that model.
        """
        working_s = max((host.working_s(call_id) for host in list(self._hosts.values())), default=0.0)
        loading = list(self._loading.values())
        return working_s or (time.monotonic() - min(loading) if loading else 0.0)

    def _worker(self, spec: ModelSpec) -> ThreadPoolExecutor:
        with self._lock:
            if spec not in self._workers:
                self._workers[spec] = ThreadPoolExecutor(1)
            return self._workers[spec]

    def _loaded(self, spec: ModelSpec) -> ModelActor:
        if spec not in self._hosts:
            self._loading[spec] = time.monotonic()
            try:
                self._hosts[spec] = ModelActor(spec, self._threads)
            finally:
                del self._loading[spec]
        return self._hosts[spec]


def logged(answer: tuple[Any, list[str]]) -> Any:
    """Returns the result of a call, and writes the notes of the call's host to the log of the task that asked."""
    result, notes = answer
    for note in notes:
        logger.info(note)
    return result
