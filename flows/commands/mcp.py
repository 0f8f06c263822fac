"""`medley mcp`: the index as tools of the Model Context Protocol, on stdin and stdout."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from flows.services.addresses import running
from flows.services.environment import prepare_environment
from medley.settings import Settings, load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley mcp`."""
    parser.add_argument("--allow-writes", action="store_true", help="let agents start runs, not only read")


def run(arguments: argparse.Namespace) -> int:
    """Answers until stdin ends: by the service where it is up, else with models and store of its own."""
    settings = load_settings()
    prepare_environment(settings)
    asyncio.run(_answer(settings, writes=arguments.allow_writes or settings.serve.mcp_writes))
    return 0


async def _answer(settings: Settings, *, writes: bool) -> None:
    from flows.serve.app import page_address
    from flows.serve.server import secret_of
    from flows.serve.tools import mcp_server

    url = running("serve", settings)
    async with _api(settings, url, secret_of(settings)) as api:
        await mcp_server(api, url or page_address(settings), writes=writes).run_stdio_async()


@contextlib.asynccontextmanager
async def _api(settings: Settings, url: str | None, secret: str) -> AsyncIterator[Any]:
    """A client of the running service, or of an application in this process."""
    import httpx

    from flows.serve.app import application

    headers, patience = {"Authorization": f"Bearer {secret}"}, httpx.Timeout(120.0)
    if url:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=patience, trust_env=False) as client:
            yield client
        return
    app = application(settings, secret)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers, timeout=patience
        ) as client,
    ):
        yield client
