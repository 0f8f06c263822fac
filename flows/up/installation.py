"""Starts and ends the standing installation: supervisord with deployments/supervisor.conf, and its environment."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from flows import given_ray_token
from flows.services.addresses import STANDING, UP, address, address_file, running
from flows.services.environment import prepare_environment
from flows.services.reaper import MARK, descendants, kill_all, kill_marked
from flows.services.shared import free_port, milvus_service, ours_alone, prefect_service
from flows.up.files import deployment_file
from medley.errors import SetupError
from medley.settings import Settings
from medley.sources.urls import is_url
from medley.system.process import born, lives
from medley.system.stop import raise_if_stopped

_UP_S, _FAILING_S = 150.0, 40.0
_DOWN_S = 60.0
_FLOWS_S = 20.0
_ENGINES = {"prefect.engine", "prefect.flow_engine", "flows.warm.flow_run"}  # what a worker starts for a run
_SOCKET_PATH_MAX = 100  # sun_path has 108 bytes
#: Groups and names of the settings that are ports of the installation.
PORTS = (("up", "prefect_port"), ("up", "ray_port"), ("up", "dashboard_port"), ("up", "store_port"), ("serve", "port"))
_SERVICES = ("prefect", "milvus", "ray")
#: Parts that say where they are when they are ready.
_READY = (*_SERVICES, "worker", "watch", "serve", "fork_server")


def supervisor_pid(settings: Settings) -> int | None:
    """Returns the pid of the process that the installation belongs to; None where no installation is up."""
    found = address(UP, settings)
    return int(found["pid"]) if found else None


def programs(settings: Settings) -> dict[str, str]:
    """Returns the state of each program as supervisord has it: RUNNING, STARTING, BACKOFF, STOPPED ..."""
    with supervisor(settings) as control:
        return {str(found["name"]): str(found["statename"]) for found in control.getAllProcessInfo()}


def start(settings: Settings, say: Callable[[str], None]) -> Settings:
    """Starts supervisord; returns the settings with the ports that it got. Raises SetupError, Cancelled."""
    if len(str(settings.run_dir / "supervisor.sock")) > _SOCKET_PATH_MAX:
        raise SetupError(f"MEDLEY_HOME {settings.home} is too long a path", remedy="Choose a shorter one")
    if not is_url(settings.upload_source):
        Path(settings.upload_source).mkdir(parents=True, exist_ok=True)
    prepare_environment(settings)
    take_ray_token(settings)
    _make_token(settings.run_dir / "token")
    services = [prefect_service(), milvus_service(settings)]
    with ours_alone(services, settings, lambda name: say(f"waiting for commands that still use {name}")):
        if supervisor_pid(settings):  # another `medley up` was quicker
            return with_known_ports(settings)
        kill_marked(str(settings.home), STANDING)  # of one whose supervisor was killed
        chosen = _with_ports(settings)
        pid = _start_supervisor(chosen)
        parts = [name for name in _SERVICES if name not in _elsewhere(settings)]
        address_file(UP, settings).write_text(json.dumps({"pid": pid, "born": born(pid), "parts": parts}))
    return chosen


def _start_supervisor(settings: Settings) -> int:
    config = str(deployment_file("deployments/supervisor.conf"))
    with (settings.logs / "supervisord.out").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "supervisor.supervisord", "--configuration", config],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(settings),
            cwd=settings.home,
            start_new_session=True,
        )
    return process.pid


def with_known_ports(settings: Settings) -> Settings:
    """Returns the settings with the ports that the installation uses, or used last."""
    return _updated(settings, _last_ports(settings))


def _last_ports(settings: Settings) -> dict[str, int]:
    known = settings.run_dir / "ports.json"
    found: dict[str, int] = json.loads(known.read_text()) if known.exists() else {}
    return {variable: port for variable, port in found.items() if variable in map(_variable, PORTS)}


def _updated(settings: Settings, ports: dict[str, int]) -> Settings:
    groups: dict[str, Any] = {}
    for group, name in PORTS:
        if (variable := _variable((group, name))) in ports:
            known = groups.get(group, getattr(settings, group))
            groups[group] = known.model_copy(update={name: ports[variable]})
    return settings.model_copy(update=groups)


def _variable(setting: tuple[str, str]) -> str:
    """The variable of a setting: MEDLEY_UP__PREFECT_PORT."""
    return "MEDLEY_" + "__".join(setting).upper()


def wait_until_ready(settings: Settings, say: Callable[[str], None]) -> None:
    """Waits until every part answers. Raises SetupError naming the part that does not answer, Cancelled."""
    began = time.monotonic()
    deadline = began + _UP_S
    wanted = [name for name in _READY if name not in _elsewhere(settings)]
    while missing := [name for name in wanted if not running(name, settings)]:
        if not supervisor_pid(settings):
            raise SetupError("supervisord does not start", remedy=f"See {settings.logs / 'supervisord.out'}")
        failing = _failing(settings, missing)
        if time.monotonic() > (deadline if not failing else began + _FAILING_S):
            name = (failing or missing)[0]
            raise SetupError(f"{name} does not start", remedy=f"See {settings.logs / name}.log")
        raise_if_stopped()
        say(f"starting {', '.join(missing)}")
        time.sleep(0.2)


def _failing(settings: Settings, names: list[str]) -> list[str]:
    """Those that have ended and are about to be tried again."""
    try:
        states = programs(settings)
    except OSError:  # supervisord is not there yet
        return []
    return [name for name in names if states[name] in ("BACKOFF", "FATAL")]


def stop(settings: Settings) -> bool:
    """Ends everything, runs first and in order; whether there was anything."""
    pid = supervisor_pid(settings)
    if pid:
        everything = descendants(pid)
        with contextlib.suppress(OSError, Fault), supervisor(settings) as control:  # it may be at its end already
            for name in ("watch", "worker"):
                control.stopProcess(name)
        _end_runs(settings)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        _wait_for_end(pid)
        kill_all(everything)
    kill_marked(str(settings.home), STANDING)
    address_file(UP, settings).unlink(missing_ok=True)
    return pid is not None


def flow_processes(settings: Settings) -> dict[str, int]:
    """Finds the processes of deployed runs of this installation: id of the flow run -> pid."""
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            environment = process.environ()
            run_id = environment.get("PREFECT__FLOW_RUN_ID")
            ours = run_id and environment.get(STANDING) == str(settings.home)
            if run_id and ours and _ENGINES & set(process.cmdline()):
                found[run_id] = process.pid
    return found


def _end_runs(settings: Settings) -> None:
    """Flow runs, and commands that began as forks."""
    running = [*_processes(flow_processes(settings).values()), *_forks(settings)]
    for process in running:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(running, timeout=_FLOWS_S)


def _processes(pids: Iterable[int]) -> Iterator[psutil.Process]:
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            yield psutil.Process(pid)


def _forks(settings: Settings) -> list[psutil.Process]:
    server = address("fork_server", settings)
    return [child for parent in _processes([server["pid"]] if server else []) for child in parent.children()]


def _wait_for_end(pid: int) -> None:
    since = born(pid)
    deadline = time.monotonic() + _DOWN_S
    while since is not None and lives(pid, since) and time.monotonic() < deadline:
        time.sleep(0.1)


@contextlib.contextmanager
def supervisor(settings: Settings) -> Iterator[Any]:
    """Opens a connection to the running supervisord for the block, and yields its functions."""
    transport = SupervisorTransport(None, None, f"unix://{settings.run_dir / 'supervisor.sock'}")
    try:
        yield ServerProxy("http://medley", transport=transport).supervisor
    finally:
        if transport.connection:
            transport.connection.close()


def _with_ports(settings: Settings) -> Settings:
    """The ports of last time, else the usual ones; another one where that is taken and was not asked for by name."""
    before, chosen = _last_ports(settings), dict[str, int]()
    for group, name in PORTS:
        known, variable = getattr(settings, group), _variable((group, name))
        asked = name in known.model_fields_set
        port = getattr(known, name) if asked else before.get(variable, getattr(known, name))
        if not is_free(known.host, port):
            if asked:
                raise SetupError(f"port {port} is taken ({variable})", remedy="Choose another, or end what uses it")
            port = free_port()
        chosen[variable] = port
    (settings.run_dir / "ports.json").write_text(json.dumps(chosen))
    return _updated(settings, chosen)


def is_free(host: str, port: int) -> bool:
    """Says whether nobody listens on `port` of `host`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: nobody waits for old connections
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _elsewhere(settings: Settings) -> set[str]:
    """Services that the user has named: they are not ours to run."""
    named = {
        "prefect": os.environ.get("PREFECT_API_URL"),
        "milvus": settings.store.uri,
        "ray": settings.ray_address,
    }
    return {name for name, where in named.items() if where}


def _environment(settings: Settings) -> dict[str, str]:
    elsewhere, up = _elsewhere(settings), settings.up
    ports = {_variable((group, name)): str(getattr(getattr(settings, group), name)) for group, name in PORTS}
    runs = {f"MEDLEY_RUNS_{name.upper()}": str(name not in elsewhere).lower() for name in _SERVICES}
    ours = {
        STANDING: str(settings.home),
        "MEDLEY_PYTHON": sys.executable,
        "PREFECT_API_URL": os.environ.get("PREFECT_API_URL", f"http://{up.host}:{up.prefect_port}/api"),
        "PREFECT_WORKER_QUERY_SECONDS": os.environ.get("PREFECT_WORKER_QUERY_SECONDS", "0.5"),  # 10 s to wait for a run
    }
    if "ray" not in elsewhere:
        ours["RAY_AUTH_TOKEN"] = (settings.run_dir / "ray.token").read_text()
    inherited = {name: value for name, value in os.environ.items() if name != MARK}
    return inherited | ports | runs | ours


def take_ray_token(settings: Settings) -> None:
    """Makes the secret of the installation's Ray cluster, and gives this process the same: it asks the cluster, too.

    Without that, a first `medley up` would ask with the secret that it has made for a private cluster.
    """
    path, given = settings.run_dir / "ray.token", given_ray_token()
    _make_token(path, given)
    if not given:
        os.environ["RAY_AUTH_TOKEN"] = path.read_text()  # Ray reads it when it is imported, which comes later


def _make_token(path: Path, given: str = "") -> None:
    """A secret that stays: clients of an installation that is started again go on. One that is `given` replaces it."""
    if not path.exists() or (given and path.read_text() != given):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(given or secrets.token_hex(32))
