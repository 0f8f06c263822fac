"""One flag for the whole process: the run is to end. Work that can take long looks at it."""

from __future__ import annotations

import threading

from medley.errors import Cancelled, MedleyError

#: Set once the run is to end.
STOP = threading.Event()
_reasons: list[MedleyError] = []


def request_stop(reason: MedleyError | None = None) -> None:
    """Asks the run to end; called from a signal handler or the guard thread.

    `reason` is given where nobody wanted the end, but the run cannot go on.
    """
    if reason is not None:
        _reasons.append(reason)
    STOP.set()


def stop_reason() -> MedleyError | None:
    """Returns why the run is to end, where nobody wanted the end; None otherwise."""
    return _reasons[0] if _reasons else None


def clear_stop() -> None:
    """Clears the stop flag and its reasons, for a process that runs one flow after another."""
    _reasons.clear()
    STOP.clear()


def raise_if_stopped() -> None:
    """Raises Cancelled when the run is to end: called between batches and while a child process works."""
    if STOP.is_set():
        raise Cancelled("the run was stopped")
