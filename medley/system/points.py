"""Named points of the code at which `medley chaos` kills a process. Everywhere else they do nothing.

MEDLEY_CHAOS_POINT is `NAME:N:FILE`: the process that comes to that point for the N-th time takes FILE away and kills
itself with SIGKILL; whoever finds the file gone goes on.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

VARIABLE = "MEDLEY_CHAOS_POINT"
#: What is half done at each of them.
POINTS = {
    "artifact filled": "the files of an artifact and its manifest are written, and it does not have its name yet",
    "artifact aside": "an older artifact has made way, and the new one does not have its name yet",
    "records added": "new records are in the store beside the older ones",
    "records written": "records are in the store, and nothing says so yet",
    "claims taken": "the run has claimed files, and the catalog does not say yet that it works on them",
    "outcome noted": "the catalog knows how files ended, and not yet how their stages did",
}
#: Told of each point: simulations put something in.
HOOKS: list[Callable[[str], object]] = []
_seen: dict[str, int] = {}


def reach(point: str) -> None:
    """Marks a point of `POINTS`."""
    for hook in HOOKS:
        hook(point)
    wanted = os.environ.get(VARIABLE)
    if wanted:
        _struck(point, *wanted.split(":", 2))


def _struck(point: str, wanted: str, count: str, file: str) -> None:
    _seen[point] = _seen.get(point, 0) + 1
    if point != wanted or _seen[point] != int(count):
        return
    try:
        os.unlink(file)
    except OSError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
