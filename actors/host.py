"""What all hosts of models share."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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

    def facts(self) -> dict[str, Any]:
        """Returns what a pool wants to know of the model; see `actors.replica.Facts`."""
        return dict(getattr(self._model, "facts", {}))

    def run(self, call_id: str, method: str, *args: Any) -> tuple[Any, list[str]]:
        """Calls a method of the model once, and returns the result with the notes that were made meanwhile."""
        self._notes, self._since = [], time.monotonic()
        self._call_id = call_id
        if method == self.ready.__name__:
            return None, []
        count = f" of {len(args[0])}" if args and isinstance(args[0], (list, tuple)) else ""
        with self.timed(f"{method}{count}"):
            return getattr(self._model, method)(*args), self._notes


def log_notes(notes: Iterable[str]) -> None:
    """Writes the notes of a call's host to the log of the task that asked."""
    for note in notes:
        logger.info(note)
