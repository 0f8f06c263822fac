"""The shared services (Prefect server, vector store): found or started, and ended when nobody uses them.

For each service three files in MEDLEY_HOME/run: `<name>.start` (locked while somebody starts or ends it),
`<name>.users` (locked shared by each user), `<name>.json` (where it is). A supervising process (`supervise.py`) is the
service's parent and does the last user's duty when that user was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from flows.services.addresses import address, managed, require_reachable, running
from flows.services.log import logger
from flows.services.reaper import MARK
from medley.errors import SetupError
from medley.generations import generation_in_use, store_key
from medley.run import StoreAddress
from medley.settings import Settings
from medley.stores.connect import store_entry
from medley.system.stop import STOP, raise_if_stopped

_TRIES = 3
_LEAVE_S = 20.0
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Service:
    """How to run one service: `{port}` in its parts stands for the port it gets."""

    name: str
    command: tuple[str, ...]
    url: str
    health: str
    env: tuple[tuple[str, str], ...] = ()


def with_port(text: str, port: int) -> str:
    """Returns the text with the port in place of `{port}`; other braces are those of paths, and stay."""
    return text.replace("{port}", str(port))


def prefect_service(host: str = "127.0.0.1") -> Service:
    """Prefect's server, its database in PREFECT_HOME (see environment.py)."""
    command = (sys.executable, "-P", "-m", "flows.services.prefect_server", host, "{port}")
    url = f"http://{host}:{{port}}/api"
    # its pages ask the server that they came from, through a tunnel as well
    env = (("PREFECT_UI_API_URL", "/api"), ("PREFECT_SERVER_CORS_ALLOWED_ORIGINS", f"http://{host}:{{port}}"))
    return Service("prefect", command, url, f"{url}/health", env)


def milvus_service(settings: Settings) -> Service:
    """Milvus Lite's server. Loopback only: it has no authentication."""
    program = (sys.executable, "-P", "-m", "medley.stores.lite_server", "--data-dir", str(settings.home / "milvus"))
    command = (*program, "--host", "127.0.0.1", "--port", "{port}")
    return Service("milvus", command, "http://127.0.0.1:{port}", "tcp://127.0.0.1:{port}")


@contextlib.contextmanager
def prefect_server(settings: Settings) -> Iterator[str]:
    """Yields the URL of Prefect's API: PREFECT_API_URL where that is set, else the URL of the shared server.

    Raises ServiceUnreachable.
    """
    given = os.environ.get("PREFECT_API_URL")
    if given:
        require_reachable(given, "PREFECT_API_URL")
        yield given
        return
    with shared(prefect_service(), settings) as url:
        yield url


@contextlib.contextmanager
def vector_store(settings: Settings) -> Iterator[StoreAddress]:
    """Address of the store: MEDLEY_STORE__URI if set, else the shared Milvus Lite. Raises ServiceUnreachable."""
    timeout, generation = settings.store.timeout_s, generation_in_use(settings)
    key, own = store_key(settings, generation), generation.suffix
    if settings.store.uri:
        if store_entry(settings.store.uri) is None:  # else its package knows what the URI means
            require_reachable(settings.store.uri, "MEDLEY_STORE__URI")
        yield StoreAddress(settings.store.uri, key, "", settings.store.token, timeout, generation=own)
        return
    lock = str(settings.run_dir / "milvus.write")
    with shared(milvus_service(settings), settings) as url:
        yield StoreAddress(url, key, lock, None, timeout, generation=own)


@contextlib.contextmanager
def shared(service: Service, settings: Settings) -> Iterator[str]:
    """Yields the URL of the service, and keeps the service until the block ends, or longer if others use it."""
    url, users = _join(service, settings)
    held = (service, settings, users)
    _held.append(held)
    try:
        yield url
    finally:
        _held.remove(held)
        _leave(*held)


_held: list[tuple[Service, Settings, IO[str]]] = []


def leave_all() -> None:
    """Gives up every service that this process uses; for a hard exit."""
    for held in _held:
        _leave(*held)


def _join(service: Service, settings: Settings) -> tuple[str, IO[str]]:
    with _locked(settings.run_dir / f"{service.name}.start"):
        found = managed(service.name, settings) or running(service.name, settings)
        url = found or _start(service, settings)
        logger.info("%s %s at %s", service.name, "found" if found else "started", url)
        users = (settings.run_dir / f"{service.name}.users").open("a")
        fcntl.flock(users, fcntl.LOCK_SH)
        return url, users


def _leave(service: Service, settings: Settings, users: IO[str]) -> None:
    """Gives up our place; whoever was the last one ends the service and waits for its end."""
    users.close()
    run = settings.run_dir
    with _locked(run / f"{service.name}.start"), (run / f"{service.name}.users").open("a") as last:
        if not _try_exclusive(last):
            return
        found = address(service.name, settings)
        if found and not found["standing"]:
            _end(int(found["pid"]))


@contextlib.contextmanager
def ours_alone(services: Sequence[Service], settings: Settings, waiting: Callable[[str], None]) -> Iterator[None]:
    """Keeps commands from using or starting any of `services` while the block runs; for `medley up`.

    Services that commands had started have ended when the block begins. `waiting` is called with the name of a
    service that is still in use. Raises Cancelled.
    """
    with contextlib.ExitStack() as held:
        for service in services:
            held.enter_context(_locked(settings.run_dir / f"{service.name}.start"))
            users = held.enter_context((settings.run_dir / f"{service.name}.users").open("a"))
            while not _try_exclusive(users):  # and no blocking call, which Ctrl-C would not end
                raise_if_stopped()
                waiting(service.name)
                time.sleep(_POLL_S)
            found = address(service.name, settings)
            if found and not found["standing"]:
                _end(int(found["pid"]))
        yield


def _try_exclusive(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _end(supervisor_pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        supervisor = psutil.Process(supervisor_pid)
        supervisor.terminate()
        deadline = time.monotonic() + _LEAVE_S
        while supervisor.is_running() and supervisor.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                supervisor.kill()  # its service goes with it: see medley/system/launch.py
            time.sleep(0.02)


def _start(service: Service, settings: Settings) -> str:
    log = settings.logs / f"{service.name}.log"
    for _ in range(_TRIES):  # somebody may take the port between our look and the service's bind
        port = free_port()
        if url := _start_on(service, settings, port, log):
            return url
    raise SetupError(f"{service.name} does not start", remedy=f"See {log}")


def _start_on(service: Service, settings: Settings, port: int, log: Path) -> str | None:
    run = settings.run_dir
    spec = {
        "command": [with_port(part, port) for part in service.command],
        "url": with_port(service.url, port),
        "health": with_port(service.health, port),
        "log": str(log),
        "address_file": str(run / f"{service.name}.json"),
        "start_lock": str(run / f"{service.name}.start"),
        "users_lock": str(run / f"{service.name}.users"),
    }
    supervisor = subprocess.Popen(
        [sys.executable, "-P", "-m", "flows.services.supervise", json.dumps(spec)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_environment_of(service, port),
        start_new_session=True,  # the terminal's Ctrl-C is for the command, not for what others use as well
    )
    while supervisor.poll() is None:
        if STOP.is_set():
            supervisor.terminate()
            supervisor.wait()  # its service has ended
            raise_if_stopped()
        if address(service.name, settings):
            threading.Thread(target=supervisor.wait, daemon=True).start()  # no zombie
            return str(spec["url"])
        time.sleep(0.05)
    return None


def _environment_of(service: Service, port: int) -> dict[str, str]:
    """Without this command's mark: the service may outlive it."""
    inherited = {name: value for name, value in os.environ.items() if name != MARK}
    return inherited | {name: with_port(value, port) for name, value in service.env}


def free_port() -> int:
    """Finds a free port with a plain bind.

    Milvus Lite's server listens with SO_REUSEPORT and would share a taken port without a word.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
