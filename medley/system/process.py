"""Which process is meant, when pids come round again and somebody sets the clock."""

from __future__ import annotations

import os
from pathlib import Path


def born(pid: int) -> float | None:
    """Returns when a living process began; None where there is no such process.

    The time is by a clock that nobody sets, where there is one. Linux: seconds since the machine was started
    (proc(5), `starttime`). Elsewhere: since the epoch.
    """
    if not Path("/proc/self/stat").exists():
        return _born_elsewhere(pid)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, start_ticks = fields[0], int(fields[19])  # the third and the twenty-second of all
    return None if state in "ZX" else start_ticks / os.sysconf("SC_CLK_TCK")


def _born_elsewhere(pid: int) -> float | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.NoSuchProcess:
        return None


def lives(pid: int, since: float) -> bool:
    """Says whether the process `pid` that was `born` at `since` is still alive."""
    return born(pid) == since
