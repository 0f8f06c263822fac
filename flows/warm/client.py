"""Lets the fork server of the standing installation call a function, and follows that call as if it ran here.

Next to nothing is imported: where there is no fork server, nothing is lost, and where there is one, this is all.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

SOCKET = "run/fork_server.sock"
#: What comes back: one of these, and at the end the exit status, negative where a signal ended the call.
ACCEPTED, REFUSED = b"Y", b"N"
SIZE, STATUS = struct.Struct("!I"), struct.Struct("!i")
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_ANSWER_S = 20.0
_LOST = 70  # EX_SOFTWARE: nobody knows how it ended


def call_warm(function: str, argv: list[str]) -> int | None:
    """Lets the fork server call `package.module:function` with sys.argv as `argv`, and returns the exit status.

    Returns None where nobody could call the function. The call has the environment, working directory, standard
    streams and signals of this process, and ends with this process.
    """
    home = Path(os.environ.get("MEDLEY_HOME") or "~/.medley").expanduser()
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(home / SOCKET))
            _ask(connection, function, argv)
        except OSError:
            return None
        with _signals_to(connection):
            return _follow(connection)


def _ask(connection: socket.socket, function: str, argv: list[str]) -> None:
    request = {
        "function": function,
        "argv": argv,
        "prefix": sys.prefix,
        "environment": dict(os.environ),
        "umask": _umask(),
        "hangup": signal.getsignal(signal.SIGHUP) != signal.SIG_IGN,  # under nohup it is ignored
        "encodings": [(stream.encoding, stream.errors) for stream in (sys.stdin, sys.stdout, sys.stderr)],
    }
    content = json.dumps(request).encode()
    here = os.open(".", os.O_RDONLY)
    try:
        socket.send_fds(connection, [SIZE.pack(len(content))], [0, 1, 2, here])
    finally:
        os.close(here)
    connection.sendall(content)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _follow(connection: socket.socket) -> int | None:
    connection.settimeout(_ANSWER_S)
    try:
        if connection.recv(1) != ACCEPTED:
            return None
    except OSError:  # it is not begun when we have gone
        return None
    connection.settimeout(None)
    told = b""
    while len(told) < STATUS.size and (more := connection.recv(STATUS.size - len(told))):
        told += more
    if len(told) < STATUS.size:
        print("medley: the fork server of `medley up` has ended. See: medley doctor", file=sys.stderr)
        return _LOST
    status: int = STATUS.unpack(told)[0]
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -status)
    return status


@contextmanager
def _signals_to(connection: socket.socket) -> Iterator[None]:
    """Within the block, signals are for the call. Ctrl-Z stops both."""

    def pass_on(number: int, frame: FrameType | None) -> None:
        connection.send(bytes([number]))

    def stop(number: int, frame: FrameType | None) -> None:
        connection.send(bytes([signal.SIGSTOP]))
        signal.raise_signal(signal.SIGSTOP)
        connection.send(bytes([signal.SIGCONT]))

    handlers: dict[signal.Signals, Any] = {number: pass_on for number in _PASSED_ON if _is_wanted(number)}
    handlers[signal.SIGTSTP] = stop
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_wanted(number: signal.Signals) -> bool:
    """As commands have it: under nohup a hangup stays ignored."""
    return number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
