"""Shared services: started once, ended by the last user, however that one goes."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psutil
import pytest

from flows.services.addresses import require_reachable, running
from flows.services.shared import Service, shared
from medley.errors import ServiceUnreachable, SetupError
from medley.settings import Settings
from tests.conftest import ROOT, eventually

COMMAND = (sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1")
TINY = Service("tiny", COMMAND, "http://127.0.0.1:{port}", "http://127.0.0.1:{port}/")

USER = f"""
import sys
from flows.services.shared import Service, shared
from medley.settings import load_settings
with shared(Service(*{("tiny", COMMAND, TINY.url, TINY.health)!r}), load_settings()) as url:
    print(url, flush=True)
    sys.stdin.readline()
print("left", flush=True)
"""


@contextmanager
def user() -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the service until it reads a line."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    child: subprocess.Popen[str] = subprocess.Popen([sys.executable, "-c", USER], cwd=ROOT, **pipes)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def leave(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()
    assert line(child) == "left"


def address(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((settings.run_dir / "tiny.json").read_text())
    return found


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_reachable(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)


def test_two_processes_share_one_and_the_last_one_ends_it(settings: Settings) -> None:
    with user() as one, user() as two:
        assert line(one) == line(two) == address(settings)["url"]
        assert is_reachable(address(settings)["url"])
        pids = [address(settings)["pid"], address(settings)["service_pid"]]
        assert running("tiny", settings) == address(settings)["url"]
        leave(one)
        assert [is_alive(pid) for pid in pids] == [True, True]
        leave(two)
        assert [is_alive(pid) for pid in pids] == [False, False], "the last one has waited for its end"
    assert running("tiny", settings) is None
    assert not (settings.run_dir / "tiny.json").exists()


def test_users_of_one_process_share_as_well(settings: Settings) -> None:
    with shared(TINY, settings) as one:
        with shared(TINY, settings) as two:
            assert one == two
        assert is_reachable(one)
    assert running("tiny", settings) is None


def test_a_service_is_found_again_when_the_clock_was_set(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a second one would start on the first one's data."""
    real_boot_time = psutil._pslinux.boot_time
    with shared(TINY, settings) as url:
        monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: real_boot_time() + 86_400.0)
        with shared(TINY, settings) as found:
            assert found == url


def test_a_killed_users_service_is_ended(settings: Settings) -> None:
    with user() as one:
        line(one)
        pids = [address(settings)["pid"], address(settings)["service_pid"]]
        one.kill()
        eventually(lambda: not any(is_alive(pid) for pid in pids), 15)
    assert not (settings.run_dir / "tiny.json").exists()


def test_a_killed_supervisor_takes_the_service_with_it_and_the_next_user_starts_anew(settings: Settings) -> None:
    with shared(TINY, settings):
        before = address(settings)
        psutil.Process(before["pid"]).kill()
        eventually(lambda: not is_alive(before["service_pid"]), 15)
        eventually(lambda: running("tiny", settings) is None)
        with shared(TINY, settings) as url:
            assert is_reachable(url)
            after = address(settings)
            assert (after["pid"], after["service_pid"]) != (before["pid"], before["service_pid"])
        assert is_alive(after["service_pid"]), "the first user is still there"
    assert not is_alive(after["service_pid"])


def test_a_killed_service_is_started_again_where_it_was(settings: Settings) -> None:
    with shared(TINY, settings) as url:
        before = address(settings)
        psutil.Process(before["service_pid"]).kill()
        eventually(lambda: address(settings)["service_pid"] != before["service_pid"], 30)
        assert (address(settings)["url"], address(settings)["pid"]) == (url, before["pid"])
        assert is_reachable(url)
        after = address(settings)
    assert not any(is_alive(pid) for pid in (after["pid"], after["service_pid"]))
    assert not (settings.run_dir / "tiny.json").exists()


@pytest.mark.whole  # make test-platform has it
def test_a_service_that_dies_again_and_again_stays_down(settings: Settings) -> None:
    once = "import socket, sys; socket.create_server(('127.0.0.1', int(sys.argv[1]))).accept()"
    brief = Service("tiny", (sys.executable, "-c", once, "{port}"), TINY.url, "tcp://127.0.0.1:{port}")
    with shared(brief, settings):
        supervisor = address(settings)["pid"]
        eventually(lambda: not is_alive(supervisor), 120)
    assert not (settings.run_dir / "tiny.json").exists()


def stale(kind: str) -> str:
    """What a crash may leave in the address file."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    known = {"url": "http://127.0.0.1:9", "service_pid": 1, "born": 1.0}
    texts = {
        "dead": json.dumps({**known, "pid": gone.pid}),
        "another process has the pid": json.dumps({**known, "pid": psutil.Process().pid}),
        "torn": '{"url": "http://127',
        "empty": "",
        "no time": json.dumps({"url": "x", "pid": psutil.Process().pid}),
        "other": json.dumps({"url": "http://127.0.0.1:9"}),
    }
    return texts[kind]


@pytest.mark.parametrize("kind", ["another process has the pid", "torn", "empty", "other", "no time"])
def test_a_stale_address_is_none(settings: Settings, kind: str) -> None:
    (settings.run_dir / "tiny.json").write_text(stale(kind))
    assert running("tiny", settings) is None


def test_a_stale_address_is_no_obstacle(settings: Settings) -> None:
    (settings.run_dir / "tiny.json").write_text(stale("dead"))
    assert running("tiny", settings) is None
    with shared(TINY, settings) as url:
        assert is_reachable(url)


def test_a_service_that_does_not_start_names_its_log(settings: Settings) -> None:
    broken = Service("tiny", (sys.executable, "-c", "raise SystemExit('no such luck')"), TINY.url, TINY.health)
    log = settings.logs / "tiny.log"
    with pytest.raises(SetupError, match="tiny does not start") as caught, shared(broken, settings):
        pytest.fail("it did start")
    assert str(log) in caught.value.remedy
    assert log.read_text().splitlines() == ["no such luck"] * 3
    assert not (settings.run_dir / "tiny.json").exists()
    with shared(TINY, settings) as url:
        assert is_reachable(url)


def test_two_services_do_not_know_each_other(settings: Settings) -> None:
    other = Service("other", COMMAND, TINY.url, TINY.health)
    with ExitStack() as stack:
        stack.enter_context(shared(TINY, settings))
        with shared(other, settings) as url:
            assert url != running("tiny", settings)
        assert running("other", settings) is None
        assert running("tiny", settings) is not None


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "127.0.0.1:9", "http://no.such.host.invalid:80"])
def test_a_given_address_that_does_not_answer_is_named_with_its_setting(url: str) -> None:
    with pytest.raises(ServiceUnreachable) as caught:
        require_reachable(url, "MEDLEY_RAY__ADDRESS")
    assert f"nothing answers at {url} (MEDLEY_RAY__ADDRESS)" in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:notaport", "http://[::1", ""])
def test_an_address_that_is_none_is_named_with_its_setting(url: str) -> None:
    with pytest.raises(SetupError, match="MEDLEY_RAY__ADDRESS"):
        require_reachable(url, "MEDLEY_RAY__ADDRESS")
