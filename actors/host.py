"""What all hosts of models share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Host:
    """Loads a model once; `run` is what pools call: a result, and what there is to say about it.

    An actor has no task run of Prefect around it: its notes travel with the result, and the task logs them.
    """

    _notes: list[str]

    def run(self, method: str, *args: Any) -> tuple[Any, list[str]]:
        """One call of `method`, with the notes that were made meanwhile."""
        self._notes = []
        return getattr(self, method)(*args), self._notes

    def ready(self) -> None:
        """Answers when the model is loaded."""

    @contextmanager
    def noted(self, what: str) -> Iterator[None]:
        """Notes `what` and how long the block took."""
        began = time.monotonic()
        yield
        self.__dict__.setdefault("_notes", []).append(f"{what} in {time.monotonic() - began:.2f} s")
