"""What a fork of the fork server does: becomes the process that its client would have been, and calls the function."""

from __future__ import annotations

import atexit
import io
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn

from flows.services.environment import prepare_environment
from flows.warm.client import ACCEPTED, REFUSED
from medley.errors import MedleyError
from medley.settings import load_settings

#: What libraries and the interpreter itself read when they are imported: it has to be what it was then.
_READ_ONCE = ("RAY_", "LD_", "PYTHONPATH", "PYTHONHOME")
_BY_RAY = "RAY_CLIENT_MODE"  # set by Ray itself, in whatever process imports it


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for; see client.py."""

    fds: list[int]
    function: str
    argv: list[str]
    prefix: str
    environment: dict[str, str]
    umask: int
    hangup: bool
    encodings: list[tuple[str, str]]


def became(request: Request, connection: socket.socket, read: dict[str, str]) -> int:
    """Calls the function in the fork, as the client would have, and returns the exit status.

    Refuses the client where libraries would read something else now than what they have `read` when they were
    imported.
    """
    os.setsid()  # the server's signals are not ours
    _take_environment(request)
    with suppress(MedleyError):  # the command itself says what is wrong
        prepare_environment(load_settings())
    if others := sorted(name for name, _ in read.items() ^ read_once().items()):
        print(f"a client was sent away: its environment differs in {', '.join(others)}", file=sys.stderr, flush=True)
        connection.send(REFUSED)
        os._exit(0)
    from flows.services.prefect_private import refresh_settings  # imported by the server, but later than this module

    refresh_settings()
    _take_streams(request)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL if request.hangup else signal.SIG_IGN)
    connection.send(ACCEPTED)
    connection.close()
    return _status_of(request)


def _status_of(request: Request) -> int:
    """As the interpreter would end after that call."""
    module, name = request.function.split(":")
    try:
        return int(getattr(import_module(module), name)(request.argv))
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BaseException:  # noqa: BLE001  # printed, as at the end of any program
        traceback.print_exc()
    return 1


def leave(status: int) -> NoReturn:
    """Ends the fork as the interpreter ends a process, but takes nothing apart: 0.2 s for all that was imported."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, ends those of executors
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads any more, or it is closed
            stream.flush()
    os._exit(status)


def read_once() -> dict[str, str]:
    """Returns the variables of the environment that libraries and the interpreter read only when imported."""
    return {name: value for name, value in os.environ.items() if name.startswith(_READ_ONCE) and name != _BY_RAY}


def _take_environment(request: Request) -> None:
    os.environ.clear()
    os.environ.update(request.environment)
    os.umask(request.umask)
    os.fchdir(request.fds[3])
    time.tzset()
    tempfile.tempdir = None
    sys.argv = [sys.argv[0], *request.argv]


def _take_streams(request: Request) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for number, fd in enumerate(request.fds):
        if number < len(request.encodings):
            os.dup2(fd, number)
        os.close(fd)
    names = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
    for number, ((name, mode), (encoding, errors)) in enumerate(zip(names, request.encodings, strict=True)):
        raw = open(number, f"{mode}b", closefd=False)  # noqa: SIM115  # it stays open
        lines = name == "stderr" or os.isatty(number)
        setattr(sys, name, io.TextIOWrapper(raw, encoding=encoding, errors=errors, line_buffering=lines))
        setattr(sys, f"__{name}__", getattr(sys, name))
