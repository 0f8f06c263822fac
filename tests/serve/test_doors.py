"""Who is let into the service, and what it refuses."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from flows.serve.gate import Rates
from flows.serve.sessions import Sessions, host_of
from tests.serve.conftest import SECRET, Served

OK = 200


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/api/search?query=x", {}, 401),
        ("GET", "/api/search?query=x", {"Authorization": "Bearer wrong"}, 401),
        ("GET", "/api/search?query=x", {"Authorization": f"Basic {SECRET}"}, 401),
        ("GET", "/api/search?query=x", {"Cookie": "medley_session=9999999999.00"}, 401),
        ("POST", "/mcp", {}, 401),
        ("GET", "/metrics", {}, 401),
        ("GET", "/openapi.json", {}, 401),
        ("GET", "/", {}, 303),
        ("GET", "/healthz", {}, 200),
        ("GET", "/api/health", {"Authorization": f"Bearer {SECRET}", "Origin": "https://evil.example"}, 403),
        ("GET", "/api/health", {"Authorization": f"Bearer {SECRET}", "Origin": "null"}, 403),
        ("GET", "/api/health", {"Authorization": f"Bearer {SECRET}", "Host": "evil.example"}, 421),
        ("GET", "/api/health", {"Authorization": f"Bearer {SECRET}", "Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", "/static/..%2f..%2fserver.py", {}, 400),
        ("GET", "/api/%2e%2e/%2e%2e/etc/passwd", {"Authorization": f"Bearer {SECRET}"}, 400),
        ("GET", "/api/assets/..%00", {"Authorization": f"Bearer {SECRET}"}, 400),
        ("GET", "/api/uploads/L2V0Yy9wYXNzd2Q", {"Authorization": f"Bearer {SECRET}"}, 404),
    ],
)
def test_who_is_not_let_in_and_what_is_no_path(
    served: Served, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = httpx.request(method, served.url + path, headers=headers)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_browser_logs_in_and_changes_something_with_its_pages_token_only(served: Served) -> None:
    with httpx.Client(base_url=served.url) as browser:
        assert browser.post("/login", data={"secret": "wrong"}).status_code == 401
        answer = browser.post("/login", data={"secret": SECRET})
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert browser.get("/api/runs").status_code == OK
        assert browser.post("/api/search", json={"query": "x"}).status_code == 403, "no token"
        token = browser.get("/api/session").json()["csrf"]
        assert browser.post("/api/search", json={"query": "x"}, headers={"X-CSRF-Token": token}).status_code == OK
        assert (
            browser.post("/api/search", json={"query": "x"}, headers={"X-CSRF-Token": token[::-1]}).status_code == 403
        )


def test_too_large_too_slow_and_half_a_request(served: Served) -> None:
    with served.client() as client:
        assert client.post("/api/uploads", params={"name": "big.bin"}, content=b"x" * (4 << 20)).status_code == 413
        chunked = client.post("/api/uploads", params={"name": "big.bin"}, content=(b"x" * (1 << 20) for _ in range(5)))
        assert chunked.status_code == 413
        assert client.post("/api/search", content=b"{" * (17 << 20)).status_code == 413
        assert client.post("/api/search", json={"query": "x" * 5000}).status_code == 422
        assert client.post("/api/search", content=b"not json").status_code == 422
        assert client.post("/api/search", json={}).status_code == 422
        assert client.post("/api/search", json={"query": "x", "like": "/etc/passwd"}).status_code == 422
    host, port = served.url.removeprefix("http://").split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(50)]
    idle[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
    assert httpx.get(f"{served.url}/healthz").status_code == OK, "others are answered meanwhile"
    idle[0].settimeout(60)
    assert idle[0].recv(1000) == b"", "a head that does not end is given up"
    for connection in idle:
        connection.close()
    assert not list((served.home / "uploads").glob(".*.part")), "nothing is left of what was refused"


def test_the_api_keeps_to_its_schema(served: Served, request: pytest.FixtureRequest) -> None:
    """Schemathesis makes requests from the schema, good ones and bad ones."""
    program = Path(sys.executable).with_name("schemathesis")
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [str(program), "run", f"{served.url}/openapi.json", "--header", f"Authorization: Bearer {SECRET}"]
    spared = ["--exclude-path-regex", "/mcp|/api/health/ray|/events|/api/plan", "--exclude-method", "DELETE"]
    whole = request.config.getoption("--whole")
    phases = ["--phases", "examples,coverage,fuzzing" if whole else "fuzzing"]
    how = ["--checks", checks, "--max-examples", "30" if whole else "4", "--seed", "7", "--workers", "2", *phases]
    done = subprocess.run([*command, *spared, *how], capture_output=True, text=True, timeout=240, cwd=served.home)
    assert done.returncode == 0, done.stdout[-6000:]


def test_rates() -> None:
    now = [0.0]
    rates = Rates(60, lambda: now[0])
    assert [rates.allows("a") for _ in range(17)] == [True] * 15 + [False] * 2
    assert rates.allows("b")
    now[0] = 1.1
    assert [rates.allows("a") for _ in range(2)] == [True, False]


def test_sessions() -> None:
    ours, others = Sessions("one"), Sessions("two")
    cookie = ours.new_cookie()
    assert ours.is_cookie(cookie)
    assert not others.is_cookie(cookie)
    assert not ours.is_cookie("1." + cookie.partition(".")[2])
    assert not ours.is_cookie("\udcff")
    assert ours.is_csrf_token(ours.csrf_token(cookie), cookie)
    assert not ours.is_csrf_token(ours.csrf_token("another"), cookie)
    assert [host_of(value) for value in ("localhost:80", "[::1]:8480", "http://A.b:1", "null", "[")] == [
        "localhost", "::1", "a.b", "null", "",
    ]  # fmt: skip
