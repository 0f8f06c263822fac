"""Prefect's API under our roof: nothing without the password, for pages of other origins, or under other names."""

from __future__ import annotations

import http.server
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from flows.services import environment as _environment
from flows.services.prefect_server import UNLOCK
from medley.settings import Settings
from tests.conftest import PREFECT_PASSWORD

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
FLAGS += ("--disable-component-update", "--disable-sync", "--virtual-time-budget=8000", "--dump-dom")


@pytest.fixture
def server(prefect_url: str) -> str:
    return prefect_url.removesuffix("/api")


def asked(server: str, password: str = PREFECT_PASSWORD, **headers: str) -> int:
    """The status of a call that would list deployments."""
    user, _, word = password.partition(":")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = httpx.post(f"{server}/api/deployments/filter", json={}, auth=(user, word), headers=named)
    return answer.status_code


def test_the_password_is_asked_for(server: str) -> None:
    assert asked(server) == httpx.codes.OK
    assert asked(server, "medley:wrong") == httpx.codes.UNAUTHORIZED
    assert httpx.post(f"{server}/api/deployments/filter", json={}).status_code == httpx.codes.UNAUTHORIZED
    assert httpx.get(f"{server}/api/health").status_code == httpx.codes.OK


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"]
)
def test_pages_of_other_origins_get_nothing(server: str, origin: str) -> None:
    assert asked(server, Origin=origin) == httpx.codes.FORBIDDEN


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil@127.0.0.1", "prefect-in-memory", ""])
def test_other_names_of_this_machine_get_nothing(server: str, host: str) -> None:
    assert asked(server, Host=host) in (httpx.codes.FORBIDDEN, httpx.codes.BAD_REQUEST)


def test_its_own_pages_and_tunnels_pass(server: str) -> None:
    here = urlsplit(server).netloc
    assert asked(server, Origin=f"http://{here}") == httpx.codes.OK
    assert asked(server, Host="localhost:4300", Origin="http://localhost:4300") == httpx.codes.OK


def test_no_websocket_for_other_origins(server: str) -> None:
    where = urlsplit(server)
    upgrade = (
        f"GET /api/events/out HTTP/1.1\r\nHost: {where.netloc}\r\nOrigin: http://evil.example\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: prefect\r\n\r\n"
    )
    with socket.create_connection((where.hostname or "", where.port or 0), 10) as connection:
        connection.sendall(upgrade.encode())
        assert connection.recv(12) == b"HTTP/1.1 403"


def test_a_password_is_made_once_and_kept(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING", _environment.MADE_PASSWORD):
        monkeypatch.delenv(name, raising=False)
    _environment.prepare_environment(settings)
    path = _environment.password_file(settings)
    made = path.read_text()
    assert made.startswith("medley:")
    assert len(made) > 64
    assert path.stat().st_mode & 0o777 == 0o600
    assert _environment.given_password() == ""
    _environment.prepare_environment(settings)
    assert path.read_text() == made == _environment.os.environ["PREFECT_API_AUTH_STRING"]
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "me:mine")
    monkeypatch.delenv(_environment.MADE_PASSWORD)
    _environment.prepare_environment(settings)
    assert (path.read_text(), _environment.given_password()) == ("me:mine", "me:mine")


# in a real browser


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server of somebody else: its URL, and its folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_address[1]}", tmp_path
        made.shutdown()


def seen(url: str, profile: Path) -> str:
    """The page as a browser has it after eight seconds of its own clock."""
    command = [CHROMIUM or "chromium", *FLAGS, f"--user-data-dir={profile}", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120).stdout


@pytest.mark.browser
def test_a_page_of_another_origin_in_a_browser(server: str, elsewhere: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = elsewhere
    (folder / "evil.html").write_text(
        f"""<p id=told>nothing yet</p><script>
        const calls = ["deployments/filter", "work_pools/filter"].map(name =>
          fetch("{server}/api/" + name, {{
            method: "POST", body: "{{}}", headers: {{"content-type": "application/json"}}
          }}).then(answer => answer.status + " READ", error => "refused"));
        Promise.all(calls).then(found => told.textContent = "calls: " + found);
        </script>"""
    )
    page = seen(f"{url}/evil.html", tmp_path / "profile")
    assert "calls: refused,refused" in page


@pytest.mark.browser
def test_one_visit_unlocks_the_pages(server: str, tmp_path: Path) -> None:
    assert "This link is not right" in seen(f"{server}{UNLOCK}#medley:wrong", tmp_path / "profile")
    page = seen(f"{server}{UNLOCK}#{PREFECT_PASSWORD}", tmp_path / "profile")
    assert "Dashboard" in page or "Flow runs" in page or "Runs" in page, page[:2000]
