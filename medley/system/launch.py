"""Runs a program as a child that cannot outlive or starve us, nor reach what it is not given.

`python -I -S launch.py SPEC CMD ...`, SPEC the fields of `Guard` as JSON and the parent's pid.
A program of its own, because code between fork and exec (`preexec_fn`) can deadlock in a process with threads.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

_PR_SET_PDEATHSIG = 1


class Guard(NamedTuple):
    """What a child may use: 0 is no limit. With `confined` it has no network, and of all files only those below paths.

    Below `listable` it sees names only. `niceness` is added to ours: more of it gives way to other processes.
    """

    memory_bytes: int = 0
    cpu_s: int = 0
    file_bytes: int = 0
    confined: bool = False
    readable: Sequence[str] = ()
    listable: Sequence[str] = ()
    writable: Sequence[str] = ()
    niceness: int = 0


_NOTHING = Guard()


def guarded(command: list[str], guard: Guard = _NOTHING) -> list[str]:
    """Builds the command line that runs `command` (program as an absolute path) as a guarded child of this process."""
    spec = json.dumps({"parent": os.getpid(), **guard._asdict()})
    return [sys.executable, "-I", "-S", __file__, spec, *command]


def limit_self(parent: int, memory_bytes: int, cpu_s: int, file_bytes: int) -> None:
    """Caps this process and ties its life to its parent's (Linux: prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before the line above
            os._exit(1)
        if memory_bytes:
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    if cpu_s:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    if file_bytes:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        most = file_bytes if soft == resource.RLIM_INFINITY else min(file_bytes, soft)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write that is too much is an error, not a death
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def restrict(spec: dict[str, Any], confine: Any) -> None:
    """Takes from this process what a guard does not leave; `confine` is the module of that name."""
    limit_self(spec["parent"], spec["memory_bytes"], spec["cpu_s"], spec["file_bytes"])
    os.nice(spec["niceness"])
    if spec["confined"]:
        confine.confine_files(spec["readable"], spec["writable"], spec["listable"])
        confine.confine_calls()


def _main(spec: dict[str, Any], command: list[str]) -> None:
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))  # -I leaves it out
    import confine  # type: ignore[import-not-found,unused-ignore]

    restrict(spec, confine)
    os.execv(command[0], command)  # noqa: S606  # no shell is what we want


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]), sys.argv[2:])
