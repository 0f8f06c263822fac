"""Which process is meant, when pids come round again and somebody sets the clock."""

from __future__ import annotations

import os
from functools import lru_cache
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


@lru_cache
def pid_space() -> str:
    """Names where a pid means one process: `machine:boot:pid namespace`, empty parts where the system tells none."""
    machine, boot = (_first_letters(name) for name in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"))
    try:
        namespace = str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        namespace = ""
    return f"{machine}:{boot}:{namespace}"


def _first_letters(file: str) -> str:
    try:
        return Path(file).read_text().strip()[:12]
    except OSError:
        return ""


def lives(pid: int, since: float) -> bool:
    """Says whether the process `pid` that was `born` at `since` is still alive."""
    return born(pid) == since
