"""When this process has waited for models that were being loaded: that is no part of what a stage takes.

The first file of a run would else seem to take tens of seconds longer than the others, and `medley plan` would tell so
of all that come.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

#: Stands for the store where a model has its fingerprint: opened by this process, or its first records made room for.
STORE = "store"
_KEPT = 64  # waits for one model: a thread each
_waits: defaultdict[str, deque[tuple[float, float]]] = defaultdict(lambda: deque(maxlen=_KEPT))
_turn = threading.Lock()


@contextmanager
def waiting_for(model: str) -> Iterator[None]:
    """Notes that the block waits for a model, named by its fingerprint."""
    began = monotonic()
    try:
        yield
    finally:
        with _turn:
            _waits[model].append((began, monotonic()))


def waited_s(model: str, since: float, until: float) -> float:
    """Returns for how long of a span of `time.monotonic` any thread has waited for a model."""
    with _turn:
        spans = sorted((max(begin, since), min(end, until)) for begin, end in _waits[model])
    total, at = 0.0, since
    for begin, end in spans:
        total += max(0.0, end - max(begin, at))
        at = max(at, end)
    return total
