"""Children for jobs, forked from a process that has imported their program: see job_zygote.py. Linux only."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from medley.errors import TransientError
from medley.media.job_zygote import READY
from medley.system.launch import Guard

_PROGRAM = Path(__file__).with_name("job_zygote.py")
_MOST_SOURCES = 200  # the kernel passes 253 open files at once


class ForkedChild:
    """A child with the methods of `subprocess.Popen` that its owner needs."""

    def __init__(self, leash: socket.socket) -> None:
        self._leash = leash
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Returns the child's exit status, None while it runs. Raises TransientError where the zygote ended first."""
        if self.returncode is None and select.select([self._leash], [], [], 0)[0]:
            told = self._leash.recv(64)
            self._leash.close()
            self.returncode = int(told) if told else -signal.SIGKILL
            if not told:
                raise TransientError("the process that starts decoders has been ended", remedy="Run again")
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the child to end, and returns its exit status. Raises subprocess.TimeoutExpired, TransientError."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired("a forked child", timeout or 0.0)
            select.select([self._leash], [], [], left)
        return status

    def kill(self) -> None:
        """Ends it."""
        if self.returncode is None:
            self._leash.shutdown(socket.SHUT_WR)


class _Zygote:
    def __init__(self, program: Path, environment: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-I", str(_PROGRAM), str(program), str(theirs.fileno())]
            env = {**environment, "OPENBLAS_NUM_THREADS": "1"}  # no threads, which a fork would lose
            nothing = subprocess.DEVNULL
            self._process = subprocess.Popen(
                command, cwd="/", env=env, pass_fds=[theirs.fileno()], stdin=nothing, stdout=nothing, stderr=nothing
            )
        self.ready = self._control.recv(len(READY)) == READY

    def start(self, guard: Guard, cwd: str, handles: Sequence[int], sources: Sequence[int]) -> ForkedChild:
        """Raises OSError where it has ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            request = {"guard": guard._asdict(), "cwd": cwd, "handles": list(sources)}
            passed = [theirs.fileno(), *handles, *sources]
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], passed)
            except OSError:
                ours.close()
                raise
        return ForkedChild(ours)

    def close(self) -> None:
        """Ends it, and its children with it."""
        self._control.close()
        self._process.wait()


def fork_child(
    program: Path,
    guard: Guard,
    cwd: str,
    environment: Mapping[str, str],
    handles: Sequence[int],
    sources: Sequence[int],
) -> ForkedChild | None:
    """Starts `program` in a child whose stdin, stdout and stderr are `handles`, and which inherits `sources`.

    None where it has to be started by itself: not on Linux, too many sources, or it cannot be imported.
    """
    if sys.platform != "linux" or len(sources) > _MOST_SOURCES:
        return None
    for known in (True, False):
        zygote = _of(program, environment, anew=not known)
        if not zygote.ready:
            return None
        try:
            return zygote.start(guard, cwd, handles, sources)
        except OSError:
            if not known:
                raise
    raise AssertionError("the second one is returned or raised")


#: By process: one that was forked has none of its own.
_zygotes: dict[tuple[int, Path], _Zygote] = {}
_lock = threading.Lock()


def _of(program: Path, environment: Mapping[str, str], *, anew: bool) -> _Zygote:
    key = (os.getpid(), program)
    with _lock:
        if not _zygotes:
            atexit.register(_close_all)
        if anew and key in _zygotes:
            _zygotes.pop(key).close()
        if key not in _zygotes:
            _zygotes[key] = _Zygote(program, environment)
        return _zygotes[key]


def _close_all() -> None:
    for (process, _), zygote in _zygotes.items():
        if process == os.getpid():
            zygote.close()
