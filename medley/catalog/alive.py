"""Whether the process of a run that the catalog calls running is still there."""

from __future__ import annotations

import socket
import time
from typing import Any

from sqlalchemy import Engine, func, select

from medley.catalog.reading import scalar
from medley.system.process import lives, pid_space

#: A run of which nothing was heard for so long has lost its lease: it renews four times in that time.
LEASE_S = 120.0


def now(engine: Engine) -> float:
    """Returns the time by which claims and leases end, in seconds since 1970.

    A database that several machines share has the one clock that counts; a file has this machine's.
    """
    if engine.dialect.name == "sqlite":
        return time.time()
    return float(scalar(engine, select(func.extract("epoch", func.clock_timestamp()))))


def is_here(run: Any) -> bool:
    """Says whether a row of `runs` is of a process whose pid means something here."""
    return bool(run.host == socket.gethostname() and run.space in (None, pid_space()))


def is_alive(run: Any, at: float) -> bool:
    """Says whether a run is alive: by its process where that can be seen, else by its lease at the time `at`.

    Another container may have this one's host name, and the container before this one had it.
    """
    if is_here(run):
        return lives(run.pid, run.pid_started)
    return not _ended_with_its_machine(run) and (run.seen is None or at - run.seen < LEASE_S)


def _ended_with_its_machine(run: Any) -> bool:
    """Tells whether this machine was started anew since."""
    if run.host != socket.gethostname() or not run.space:
        return False
    (machine, boot, _), (ours, our_boot, _) = run.space.split(":"), pid_space().split(":")
    return bool(machine and machine == ours and boot != our_boot)
