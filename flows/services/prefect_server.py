"""Prefect's server as `prefect server start` runs it, behind a check of Host and Origin.

`python -m flows.services.prefect_server HOST PORT`; what else it needs is in the environment (PREFECT_SERVER_...).
The check is around Prefect's application and not a middleware of it: the server calls itself, as http://prefect-in-memory.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: A page of ours: `UNLOCK#PASSWORD` gives the password to Prefect's pages in this browser.
UNLOCK = "/unlock"
_AUTHORITY = re.compile(rb"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
_PAGE = b"""<!doctype html><meta charset=utf-8><title>Medley</title><p id=told>...</p><script>
function unlock() {
  const secret = decodeURIComponent(location.hash.slice(1));
  if (!secret) return;
  const word = btoa(secret);
  history.replaceState(null, "", location.pathname);
  fetch("/api/admin/version", {headers: {Authorization: "Basic " + word}}).then(answer => {
    if (answer.ok) { localStorage.setItem("prefect-password", word); location.replace("/"); }
    else told.textContent = "This link is not right, or no longer: `medley up` shows the one that is.";
  }).catch(error => { told.textContent = String(error); });
}
addEventListener("hashchange", unlock);
unlock();
</script>"""
_PAGE_HEADERS = ((b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-store"))
#: Nobody shows Prefect's pages within others, and they talk to this server only (they would ask amplitude.com).
_POLICY = (b"content-security-policy", b"frame-ancestors 'self'; connect-src 'self'")


class Lock:
    """Lets nothing through whose Host is none of `names`, or that a page of another origin sends (HTTP, websockets)."""

    def __init__(self, app: Any, names: frozenset[str]) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif not self._may_pass(scope["headers"]):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                await _answer(send, 403, b"Host or Origin is not of this server\n")
        elif scope["type"] == "http" and scope["path"] == UNLOCK:
            await _answer(send, 200, _PAGE)
        else:
            await self._app(scope, receive, send if scope["type"] == "websocket" else _with_policy(send))

    def _may_pass(self, headers: Headers) -> bool:
        """By name and not by port: a tunnel may end at another one, and Origin is compared with both."""
        hosts = [value.lower() for name, value in headers if name == b"host"]
        origins = [value.lower() for name, value in headers if name == b"origin"]
        parts = _AUTHORITY.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if not parts or parts[1].strip(b"[]").decode() not in self._names:
            return False
        return origins in ([], [b"http://" + hosts[0]], [b"https://" + hosts[0]])


async def _answer(send: Send, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [*_PAGE_HEADERS, _POLICY]})
    await send({"type": "http.response.body", "body": body})


def _with_policy(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], _POLICY]
        await send(message)

    return sending


def main(host: str, port: int) -> None:
    """Serves until it is told to end, as the command of Prefect does."""
    import uvicorn
    from prefect.settings import get_current_settings

    from flows.services.prefect_private import application
    from flows.services.prefect_schema import make_database
    from medley.system.machine import keep_heap_small

    keep_heap_small()  # else what requests of many runs have used and freed lies about: 70 MB after 2,000 files
    server = get_current_settings().server
    if server.database.connection_url:
        make_database(server.database.connection_url.get_secret_value())
    uvicorn.run(
        Lock(application(), LOOPBACK | {host}),
        host=host,
        port=port,
        timeout_keep_alive=server.api.keepalive_timeout,
        ws_ping_interval=server.api.websocket_ping_interval,
        ws_ping_timeout=server.api.websocket_ping_timeout,
        log_level=server.logging_level.lower(),
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
