"""Child runs that overlap: the next one begins while the last files of the ones before are still at work."""

from __future__ import annotations

import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from flows.engine.run import RunContext
from flows.engine.units import Units
from medley.system.stop import STOP

_MOST = 4  # at the same time: each has a flow run in Prefect, and claims to renew
_LOOK_S = 0.1


@dataclass(slots=True, eq=False)
class Child:
    """A run that has been opened; `exits` close it."""

    run_context: RunContext
    exits: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)


class Children:
    """The children that are at work, each in a thread of its own. `ended` is called in the thread that waits for them.

    They share the units of their parent: there are no more batches in flight than those of one run.
    """

    def __init__(self, units: Units, ended: Callable[[Child, BaseException | None], object]) -> None:
        self._units, self._ended = units, ended
        self._done: queue.SimpleQueue[tuple[Child, BaseException | None]] = queue.SimpleQueue()
        self.at_work: list[Child] = []

    def start(self, child: Child, work: Callable[[RunContext], BaseException | None]) -> None:
        """Lets `work` run for a child; what it returns is the error that has ended the child's run, if any."""
        self.at_work.append(child)
        context = contextvars.copy_context()  # Prefect's: the child's flow run is one of the parent's
        run = lambda: self._done.put((child, _error_of(work, child.run_context)))  # noqa: E731
        threading.Thread(target=context.run, args=(run,), daemon=True, name=child.run_context.run.flow).start()

    def wait_for_room(self) -> None:
        """Waits until another child would find work to do at once, or until all have ended where the run is stopped."""
        while self.at_work and (STOP.is_set() or not self._room()):
            self._take(_LOOK_S)

    def wait(self) -> None:
        """Waits until all have ended."""
        while self.at_work:
            self._take(None)

    def _room(self) -> bool:
        if not self.at_work:
            return True
        begun = all(child.run_context.all_begun for child in self.at_work)
        return begun and len(self.at_work) < _MOST and self._units.idle

    def _take(self, timeout_s: float | None) -> None:
        try:
            child, error = self._done.get(timeout=timeout_s)
        except queue.Empty:
            return
        self.at_work.remove(child)
        self._ended(child, error)


def _error_of(work: Callable[[RunContext], BaseException | None], run_context: RunContext) -> BaseException | None:
    try:
        return work(run_context)
    except BaseException as error:  # noqa: BLE001  # told where children are waited for
        return error
