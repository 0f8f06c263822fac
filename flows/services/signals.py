"""Ctrl-C, SIGTERM and a closed terminal set the stop flag; a grace period later, or at a second one: a hard end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from medley.system.stop import STOP, request_stop

EXIT_OF = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
received: list[signal.Signals] = []
_second = threading.Event()


@contextlib.contextmanager
def stop_on_signals() -> Iterator[None]:
    """Sets the stop flag on Ctrl-C, SIGTERM and a closed terminal while the block runs.

    Prefect and Ray install handlers of their own: enter this context again inside a flow.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = [number for number in EXIT_OF if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, _on_signal) for number in wanted}  # under nohup a hangup stays ignored
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


@contextlib.contextmanager
def hard_exit(grace_s: float, leave: Callable[[], None]) -> Iterator[None]:
    """Calls `leave` in a thread of its own, `grace_s` seconds after the run was stopped, or at a second signal."""
    done = threading.Event()

    def watch() -> None:
        while not STOP.is_set():
            if done.wait(0.1):
                return
        _second.wait(grace_s)
        if not done.is_set():
            leave()

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def drop_output() -> None:
    """Discards what this process prints from now on, because nobody reads it any more.

    A missing reader must not be an error that keeps the process from ending in order.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)


def exit_code() -> int | None:
    """Returns 130 after Ctrl-C, 143 after SIGTERM, 129 after the terminal was closed, None after none of these."""
    return EXIT_OF[received[0]] if received else None


def _on_signal(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        drop_output()
    if received:
        _second.set()
    received.append(signal.Signals(number))
    request_stop()
