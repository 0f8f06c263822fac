"""Starts children for jobs by forking itself: each would import for 0.1 s what this process has imported once.

`python -I job_zygote.py PROGRAM CONTROL`: see zygote.py, which runs it and sends requests over the socket CONTROL. It
parses nobody's bytes itself; a child restricts itself before it does.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from pathlib import Path
from types import CodeType
from typing import Any, NoReturn

from medley.system import confine
from medley.system.launch import restrict

READY = b"ready"
_MESSAGE_BYTES, _MOST_HANDLES = 1 << 20, 253


class Zygote:
    """The children, each with its leash: the socket on which its end is told, and whose closing ends the child."""

    def __init__(self, program: CodeType, control: socket.socket) -> None:
        self._program, self._control = program, control
        self._leashes: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake)
        self._selector.register(control, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def serve(self) -> None:
        """Starts children on request until nobody is at the socket's other end: children end with this process."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    if not self._start():
                        return
                elif key.fileobj == self._woken:
                    self._reap()
                elif key.data in self._leashes:
                    self._selector.unregister(key.fileobj)
                    os.kill(key.data, signal.SIGKILL)

    def _start(self) -> bool:
        """A child for the next request; False where there will be none."""
        message, handles, _, _ = socket.recv_fds(self._control, _MESSAGE_BYTES, _MOST_HANDLES)
        if not message:
            return False
        if not (pid := os.fork()):
            _become(self._program, json.loads(message), handles[1:])
        leash = socket.socket(fileno=handles[0])
        for handle in handles[1:]:
            os.close(handle)
        self._leashes[pid] = leash
        self._selector.register(leash, selectors.EVENT_READ, pid)
        return True

    def _reap(self) -> None:
        while os.read(self._woken, 512):
            while self._leashes:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                with self._leashes.pop(pid) as leash:
                    if leash in self._selector.get_map():
                        self._selector.unregister(leash)
                    leash.send(str(os.waitstatus_to_exitcode(status)).encode())
            return


def _become(program: CodeType, request: dict[str, Any], handles: list[int]) -> NoReturn:
    """The child: with the request's files and no others, within its limits, runs the program."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _only(handles, [0, 1, 2, *request["handles"]])
        os.chdir(request["cwd"])
        restrict({"parent": os.getppid(), **request["guard"]}, confine)
        _run(program, "__main__")
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001  # as of any program: said on stderr
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


def _run(program: CodeType, name: str) -> None:
    exec(program, {"__name__": name, "__file__": program.co_filename})  # noqa: S102  # ours


def _only(handles: list[int], numbers: list[int]) -> None:
    """What is open as `handles` gets `numbers`; nothing else stays open."""
    free = max(*handles, *numbers) + 1
    aside = [fcntl.fcntl(handle, fcntl.F_DUPFD, free) for handle in handles]
    for handle, number in zip(aside, numbers, strict=True):
        os.dup2(handle, number)
    for between in set(range(free)) - set(numbers):
        with contextlib.suppress(OSError):
            os.close(between)
    os.closerange(free, max(aside) + 1)


def main(program: str, control: socket.socket) -> None:
    """Imports what the program imports, says so, and serves."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: whoever has asked ends its children itself
    code = compile(Path(program).read_bytes(), program, "exec")
    _run(code, "imported")
    gc.freeze()  # what is never collected stays shared with children
    zygote = Zygote(code, control)
    control.send(READY)
    zygote.serve()
    os._exit(0)  # at once: its owner waits


if __name__ == "__main__":
    main(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
