"""Whether the process of a run that the catalog calls running is still there."""

from __future__ import annotations

import socket
import time
from typing import Any

from medley.system.process import lives

#: A run of another host of which nothing was heard for so long is dead: ten renewals, and clocks that differ.
SILENT_S = 300.0


def is_here(run: Any) -> bool:
    """Says whether a row of `runs` is of this host."""
    return bool(run.host == socket.gethostname())


def is_alive(run: Any) -> bool:
    """Says whether a run is alive: on this host by its process, on others by when the run was last heard of."""
    if is_here(run):
        return lives(run.pid, run.pid_started)
    return run.seen is None or time.time() - run.seen < SILENT_S
