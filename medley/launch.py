"""Runs a program as a child that cannot outlive or starve us.

`python -I -S launch.py PARENT_PID MEMORY_BYTES CPU_S CMD ...`. A limit of 0 is none.
A program of its own, because code between fork and exec (`preexec_fn`) can deadlock in a process with threads.
"""

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1


def limit_self(parent_pid: int, memory_bytes: int, cpu_s: int) -> None:
    """Caps this process and ties its life to its parent's (Linux: prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:  # the parent ended before the line above
            os._exit(1)
        if memory_bytes:
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    if cpu_s:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def guarded(command: list[str], *, memory_bytes: int = 0, cpu_s: int = 0) -> list[str]:
    """The command line that runs `command` (its program as an absolute path) as such a child of this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(memory_bytes), str(cpu_s), *command]


if __name__ == "__main__":
    limit_self(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606  # no shell is what we want
