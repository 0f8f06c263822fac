"""The address of agents, `/mcp`: made after the first answers are out, since what it needs takes a second to import."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from flows.serve.service import off_loop


class Agents:
    """An ASGI application that is made while the service runs; who asks before waits."""

    def __init__(self, api: httpx.AsyncClient, page: str, *, writes: bool) -> None:
        self._api, self._page, self._writes = api, page, writes
        self._made: asyncio.Future[ASGIApp] | None = None

    @contextlib.asynccontextmanager
    async def made_after(self, event: asyncio.Event) -> AsyncIterator[None]:
        """Makes it once `event` has happened, and serves until the block ends."""
        self._made = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(self._run(event, self._made))
        try:
            yield
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving

    async def _run(self, event: asyncio.Event, made: asyncio.Future[ASGIApp]) -> None:
        await event.wait()
        try:
            server, app = await off_loop(self._make)
        except Exception as error:  # noqa: BLE001  # raised for whoever asks
            made.set_exception(error)
            return
        async with server.session_manager.run():
            made.set_result(app)
            await asyncio.Event().wait()

    def _make(self) -> tuple[Any, ASGIApp]:
        from mcp.server.transport_security import TransportSecuritySettings

        from flows.serve.tools import mcp_server

        server = mcp_server(self._api, self._page, writes=self._writes)
        checked = TransportSecuritySettings(
            enable_dns_rebinding_protection=False
        )  # hosts and origins: the gate's affair
        app = server.streamable_http_app(stateless_http=True, json_response=True, transport_security=checked)
        return server, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        assert self._made is not None
        app = await asyncio.shield(self._made)
        await app(scope, receive, send)
