"""Runs the service: page, API and agents' tools on one port, until SIGTERM.

`medley serve`, and as part of `medley up` under supervisord: `python -m flows.serve.server`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from flows.serve.app import application
from flows.services.addresses import register
from flows.services.environment import prepare_environment
from flows.services.log import log_to_stderr, logger
from medley.errors import SetupError
from medley.settings import Settings, load_settings

_HEADERS_S = 10.0  #: until a client has sent the head of its first request
_BACKLOG, _CONNECTIONS = 512, 500
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(settings: Settings) -> int:
    """Serves until SIGTERM or Ctrl-C. Raises SetupError where the port cannot be had."""
    require_secret(settings)
    app = application(settings, secret_of(settings))
    with _listening(settings) as listening:
        host, port = listening.getsockname()[:2]
        register("serve", f"http://{host}:{port}", settings)
        config = uvicorn.Config(
            app,
            http=_Patient,
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=5,
            h11_max_incomplete_event_size=64 << 10,
        )
        with contextlib.suppress(KeyboardInterrupt):
            _Server(config).run(sockets=[listening])
    return 0


def require_secret(settings: Settings) -> None:
    """Raises SetupError where others could call the service and no secret of the user's is set."""
    if settings.serve.host not in _LOOPBACK and not settings.token:
        raise SetupError(
            f"MEDLEY_SERVE__HOST={settings.serve.host} would let others in; MEDLEY_TOKEN is not set",
            remedy="Set MEDLEY_TOKEN to a secret of your own, or serve on 127.0.0.1",
        )


def secret_of(settings: Settings) -> str:
    """Returns the secret of the service: MEDLEY_TOKEN, else the one in MEDLEY_HOME/run, which is made where needed."""
    if settings.token:
        return settings.token.get_secret_value()
    path = settings.run_dir / "token"
    if not path.exists():
        draft = path.with_name(f"token.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):  # another process was quicker
            os.link(draft, path)
        draft.unlink()
    return path.read_text()


def _listening(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.serve.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.serve.host, settings.serve.port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        why = f"port {settings.serve.port} of {settings.serve.host} cannot be had: {error.strerror}"
        raise SetupError(why, remedy="Set MEDLEY_SERVE__PORT to another one, or end what uses it") from None
    return listening


class _Server(uvicorn.Server):
    """Ends of its own accord after a signal: uvicorn's raises the signal again, which no exit status survives."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Patient(H11Protocol):
    """Ends connections that do not send the head of a request: each of them holds a place."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(_HEADERS_S, self._give_up)

    def _give_up(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            logger.warning("ended a connection that sent no request")
            self.transport.close()


def main() -> int:
    """Serves with the settings of the environment."""
    settings = load_settings()
    log_to_stderr(settings.log_format)
    prepare_environment(settings)
    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
