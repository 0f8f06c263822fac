"""Imports all that commands and flow runs need, once, and forks for each that asks: `python -m flows.warm.fork_server`.

Under supervisord. A fork calls the function that its client (client.py) names, with the client's environment, directory
and streams; the client's signals are passed on, and where the client dies, the fork is killed. What has been imported
and has changed on disk since is not used: clients are sent away, and this process begins anew.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from flows.services.addresses import register
from flows.services.environment import prepare_environment
from flows.warm.client import REFUSED, SIZE, SOCKET, STATUS
from flows.warm.fork import Request, became, leave, read_once
from flows.warm.preload import Sources, import_everything
from medley.settings import load_settings

_FDS = 4  # standard streams, and the working directory
_REQUEST_S = 5.0


class ForkServer:
    """One loop: new clients, their signals and ends, ends of forks. It starts no thread: a fork would lack it."""

    def __init__(self, listening: socket.socket, sources: Sources, read: dict[str, str]) -> None:
        self._listening, self._sources, self._read = listening, sources, read
        self._forks: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ, self._accept)
        self._wakes, write = socket.socketpair()
        self._write = write
        for end in (self._wakes, write):
            end.setblocking(False)
        signal.set_wakeup_fd(write.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: None)
        self._selector.register(self._wakes, selectors.EVENT_READ, self._reap)
        self._ending = False

    def serve(self) -> Callable[[], int] | None:
        """Serves clients until SIGTERM, then returns None. In a fork, returns the function that the fork is to call.

        Begins anew where the sources have changed and nobody works.
        """
        while not self._ending:
            for key, _ in self._selector.select():
                call: Callable[[], int] | None = key.data()
                if call:
                    return call
            if not (self._ending or self._forks) and self._sources.changed():
                self._listening.close()
                os.execv(sys.executable, [sys.executable, "-P", "-m", __spec__.name])  # noqa: S606
        return None

    def _accept(self) -> Callable[[], int] | None:
        connection, _ = self._listening.accept()
        connection.settimeout(_REQUEST_S)
        try:
            request = _received(connection)
        except (OSError, ValueError) as error:
            print(f"a client that cannot be understood: {error}", file=sys.stderr)
            connection.close()
            return None
        if request.prefix != sys.prefix or self._sources.changed():
            connection.send(REFUSED)
            connection.close()
            return None
        pid = os.fork()
        if pid == 0:
            self._leave()
            return partial(became, request, connection, self._read)
        for fd in request.fds:
            os.close(fd)
        self._forks[pid] = connection
        self._selector.register(connection, selectors.EVENT_READ, partial(self._hear, pid))
        return None

    def _leave(self) -> None:
        """In a fork: what is the server's alone."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        self._selector.close()
        for end in (self._listening, self._wakes, self._write, *self._forks.values()):
            end.close()

    def _hear(self, pid: int) -> None:
        """Signals for a fork; its client's end is the worst of them."""
        with suppress(OSError):
            for number in self._forks[pid].recv(64) or bytes([signal.SIGKILL]):
                os.kill(pid, number)
                if number == signal.SIGKILL:
                    self._selector.unregister(self._forks[pid])

    def _reap(self) -> None:
        for number in self._wakes.recv(4096):
            self._ending |= number == signal.SIGTERM
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                self._tell(found[0], os.waitstatus_to_exitcode(found[1]))

    def _tell(self, pid: int, status: int) -> None:
        connection = self._forks.pop(pid)
        with suppress(KeyError, ValueError):
            self._selector.unregister(connection)
        with suppress(OSError):
            connection.sendall(STATUS.pack(status))
        connection.close()


def _received(connection: socket.socket) -> Request:
    """Raises OSError, ValueError."""
    header, fds, _, _ = socket.recv_fds(connection, SIZE.size, _FDS)
    for fd in fds:
        os.set_inheritable(fd, False)
    content = bytearray()
    size = SIZE.unpack(header)[0] if len(header) == SIZE.size and len(fds) == _FDS else 0
    while len(content) < size and (more := connection.recv(size - len(content))):
        content += more
    if not size or len(content) < size:
        for fd in fds:
            os.close(fd)
        raise ValueError("its request is cut off")
    told: dict[str, Any] = json.loads(content)
    return Request(fds=fds, **told)


def main() -> int:
    """Imports all that commands and flow runs need, and forks for each client that asks, until SIGTERM."""
    settings = load_settings()
    prepare_environment(settings)
    read = read_once()
    import_everything()
    sources = Sources()
    path = settings.home / SOCKET
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(64)
        register("fork_server", str(path), settings)
        server = ForkServer(listening, sources, read)
        print(f"{len(sys.modules)} modules imported", file=sys.stderr, flush=True)
        gc.collect()
        gc.freeze()  # what all forks share is not touched by their collector
        call = server.serve()
    if call is None:
        path.unlink(missing_ok=True)
        return 0
    return leave(call())


if __name__ == "__main__":
    sys.exit(main())
