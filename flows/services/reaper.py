"""Ends what a private Ray cluster leaves behind.

`python -m flows.services.reaper MARK`, with our end of a pipe as its stdin.

Through the pipe comes the cluster's session directory, a line. When the command ends in whatever way, the pipe closes.
Processes that still carry its mark in their environment are killed, and those of Ray that have a file of the session
open: agents write their title over their environment, and stay for minutes where the raylet ended before them.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time

import psutil

MARK = "MEDLEY_COMMAND"
ENDED = b"ended"
_GRACE_S = 3.0
_ROUNDS = 20


def main(mark: str) -> None:
    """Waits for the end of stdin; then nothing with `mark` lives on."""
    *sessions, last = sys.stdin.buffer.read().split(b"\n")
    time.sleep(0.0 if last == ENDED else _GRACE_S)  # most of them end by themselves
    kill_marked(mark)
    kill_all([process for session in sessions for process in users_of(os.fsdecode(session))])


def kill_marked(mark: str, name: str = MARK) -> None:
    """Kills every other process with `mark` in the variable `name`, their children, and what those start meanwhile."""
    for _ in range(_ROUNDS):
        left = [process for process in psutil.process_iter() if _is_marked(process, mark, name)]
        kill_all([child for parent in left for child in descendants(parent.pid)])
        kill_all(left)
        if not left:
            return
        time.sleep(0.1)


def descendants(pid: int) -> list[psutil.Process]:
    """Returns the processes below `pid`.

    Ray's agents and workers write their title over their environment, so that no mark is left to find them by.
    """
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def users_of(directory: str) -> list[psutil.Process]:
    """Ray's own processes that have a file below `directory` open: not the driver, which has as well."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):  # somebody else's, or gone
            if not "".join(process.cmdline()[:1]).startswith("ray::"):
                continue
            handles = os.scandir(f"/proc/{process.pid}/fd")
            if any(os.readlink(handle.path).startswith(f"{directory}/") for handle in handles):
                found.append(process)
    return found


def kill_all(processes: list[psutil.Process]) -> None:
    """Kills those that are still there."""
    for process in processes:
        _kill(process)


def _is_marked(process: psutil.Process, mark: str, name: str) -> bool:
    try:
        marked = process.pid != os.getpid() and process.environ().get(name) == mark
        return marked and bool(process.status() != psutil.STATUS_ZOMBIE)
    except (psutil.Error, OSError):
        return False  # somebody else's, or gone


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


if __name__ == "__main__":
    main(sys.argv[1])
