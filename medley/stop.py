"""One flag for the whole process: somebody wants the run to end. Work that can take long looks at it."""

from __future__ import annotations

import threading

from medley.errors import Cancelled

_stop = threading.Event()


def request_stop() -> None:
    """From a signal handler or the guard thread."""
    _stop.set()


def stop_requested() -> bool:
    """Whether the run is to end."""
    return _stop.is_set()


def clear_stop() -> None:
    """For a process that runs one flow after another."""
    _stop.clear()


def raise_if_stopped() -> None:
    """Raises Cancelled when the run is to end: called between batches and while a child process works."""
    if _stop.is_set():
        raise Cancelled("the run was stopped")
