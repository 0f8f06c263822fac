"""A call that begins as a fork of the fork server is what the client would have been."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flows.warm.client import SOCKET
from tests.conftest import ROOT, eventually

CALL = "import sys; from flows.warm.client import call_warm; sys.exit(call_warm('subprocess:call', sys.argv[1:]) or 0)"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a fork server that runs; its log is beside it."""
    home = tmp_path_factory.mktemp("forks") / "home"
    (home / "run").mkdir(parents=True)
    (home / "run" / "ray.token").write_text("0" * 64)  # as `medley up` makes it
    log = home.with_name("log")
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", "flows.warm.fork_server"],
            env=environment(home),
            stdout=output,
            stderr=output,
        )
    assert eventually(lambda: "modules imported" in log.read_text(), 60), log.read_text()
    yield home
    server.terminate()
    assert server.wait(20) == 0, log.read_text()
    assert not (home / SOCKET).exists()


def environment(home: Path, **more: str) -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("MEDLEY_", "RAY_", "PREFECT_"))}
    return {**known, "MEDLEY_HOME": str(home), **more}


@contextlib.contextmanager
def begun(home: Path, *, ignoring: bool = False) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A call that has begun, its client and its fork."""
    command = [sys.executable, "-c", CALL, "sh", "-c", "echo $$; exec sleep 60"]
    if ignoring:  # as a shell without job control starts what is in the background
        command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command]
    with subprocess.Popen(command, env=environment(home), stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout
        fork = psutil.Process(int(client.stdout.readline())).parent()
        assert fork
        session = fork.pid
        yield client, fork
        with contextlib.suppress(ProcessLookupError):
            os.killpg(session, signal.SIGKILL)


def test_it_has_the_streams_the_directory_the_environment_and_the_status(served: Path, tmp_path: Path) -> None:
    script = "pwd; umask; echo $MEDLEY_HOME $OF_THE_CLIENT; read line; echo $line >&2; exit 7"
    told = subprocess.run(
        [sys.executable, "-c", CALL, "sh", "-c", script],
        env=environment(served, OF_THE_CLIENT="x y"),
        cwd=tmp_path,
        umask=0o027,
        input="typed\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.stdout.splitlines() == [str(tmp_path), "0027", f"{served} x y"]
    assert (told.stderr, told.returncode) == ("typed\n", 7)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_signals_of_the_client_are_for_the_call(served: Path, number: signal.Signals, status: int) -> None:
    with begun(served) as (client, fork):
        client.send_signal(number)
        assert client.wait(30) == status
        assert eventually(lambda: not fork.is_running(), 10)


def test_a_command_in_the_background_hears_of_an_interrupt(served: Path) -> None:
    """As every command does, whatever the shell has set."""
    with begun(served, ignoring=True) as (client, _):
        client.send_signal(signal.SIGINT)
        assert client.wait(30) == 130


def test_the_call_ends_with_its_client(served: Path) -> None:
    with begun(served) as (client, fork):
        client.kill()
        assert eventually(lambda: not fork.is_running(), 10)


def test_a_call_that_is_killed_is_a_client_that_is_killed(served: Path) -> None:
    with begun(served) as (client, fork):
        fork.kill()
        assert client.wait(30) == -signal.SIGKILL
    with begun(served) as (client, _):
        assert client.poll() is None, "and the next one is none the worse"


def test_commands_import_nothing(served: Path) -> None:
    script = "import sys; from flows.warm.command import main; main(['status']); print('sqlalchemy' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", script], env=environment(served), capture_output=True, text=True, timeout=60, check=False
    )
    assert told.stdout.startswith("0 items"), told
    assert told.stdout.endswith("False\n"), "its own process has not imported what a catalog needs"


def test_usage_errors_and_broken_pipes_are_what_they_were(served: Path) -> None:
    def status(*argv: str, home: Path) -> tuple[int, str]:
        medley = "import sys; from flows.warm.command import entry; sys.argv[0] = 'medley'; entry()"
        done = subprocess.run(
            [sys.executable, "-c", medley, *argv], env=environment(home), capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    cold = served.with_name("another")
    for argv in (("video",), ("nothing",), ("search", "--page", "x"), ("status", "--help")):
        assert status(*argv, home=served) == status(*argv, home=cold)


def test_another_environment_is_served_by_the_client_itself(served: Path) -> None:
    script = "from flows.warm.client import call_warm; print(call_warm('subprocess:call', ['true']))"
    for more in ({"PYTHONPATH": str(ROOT / "tests")}, {"RAY_max_direct_call_object_size": "1"}):
        told = subprocess.run(
            [sys.executable, "-c", script],
            env=environment(served, **more),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert told.stdout == "None\n", told
        assert next(iter(more)) in served.with_name("log").read_text()


def test_where_nobody_serves_nothing_is_said(tmp_path: Path) -> None:
    script = "from flows.warm.client import call_warm; print(call_warm('subprocess:call', ['true']))"
    told = subprocess.run(
        [sys.executable, "-c", script], env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert (told.stdout, told.stderr) == ("None\n", "")


def test_it_ends_when_told_also_where_its_sources_have_changed(tmp_path: Path) -> None:
    """It does not begin anew then."""
    pipelines = tmp_path / "pipelines_of_somebody.py"
    pipelines.write_text("x = 1\n")
    run = "runpy.run_module('flows.warm.fork_server', run_name='__main__', alter_sys=True)"
    script = f"import pipelines_of_somebody, runpy; {run}"
    home, log = tmp_path / "home", tmp_path / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-c", script],
            env=environment(home, PYTHONPATH=str(tmp_path)),
            stdout=output,
            stderr=output,
        )
    with server:
        try:
            assert eventually(lambda: "modules imported" in log.read_text(), 60), log.read_text()
            os.utime(pipelines, (1, 1))
            server.terminate()
            assert server.wait(20) == 0, log.read_text()
        finally:
            server.kill()
