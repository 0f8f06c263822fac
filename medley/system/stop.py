"""One flag for the whole process: the run is to end. Work that can take long looks at it."""

from __future__ import annotations

import threading

from medley.errors import Cancelled, MedleyError

#: Set once the run is to end.
STOP = threading.Event()
_reasons: list[MedleyError] = []


def request_stop(reason: MedleyError | None = None) -> None:
    """From a signal handler or the guard thread. `reason` where nobody wanted it, but the run cannot go on."""
    if reason is not None:
        _reasons.append(reason)
    STOP.set()


def stop_reason() -> MedleyError | None:
    """Why, where nobody wanted it."""
    return _reasons[0] if _reasons else None


def clear_stop() -> None:
    """For a process that runs one flow after another."""
    _reasons.clear()
    STOP.clear()


def raise_if_stopped() -> None:
    """Raises Cancelled when the run is to end: called between batches and while a child process works."""
    if STOP.is_set():
        raise Cancelled("the run was stopped")
