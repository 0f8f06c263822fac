"""The application of the service: routes, page, agents' tools; one process, or several replicas of Ray Serve."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.engine.plan import with_profile
from flows.serve.agents import Agents
from flows.serve.gate import Gate
from flows.serve.problems import handle_errors
from flows.serve.request import SearchRequest
from flows.serve.routes import assets, health, login, media, origins, runs, search, uploads
from flows.serve.searchers import Searchers
from flows.serve.service import Service, off_loop
from flows.serve.sessions import Sessions
from flows.serve.webhooks import Webhooks, shown
from flows.services.log import logger
from flows.services.shared import vector_store
from medley import __version__
from medley.catalog import open_catalog
from medley.errors import MedleyError
from medley.models.locate import on_this_machine
from medley.models.profiles import models_for
from medley.options import VideoOptions
from medley.settings import Settings

_ABOUT = """Search in videos, sound, PDFs and pictures. Every request carries the secret of MEDLEY_HOME/run/token
(or MEDLEY_TOKEN) as `Authorization: Bearer ...`. Errors are problem+json."""


def application(settings: Settings, secret: str, *, tells: bool = True) -> FastAPI:
    """Builds the application. Its store and threads are there between startup and shutdown; `tells`: webhooks, too."""
    sessions = Sessions(secret)
    app = FastAPI(title="Medley", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None)
    headers = {"Authorization": f"Bearer {secret}"}
    inside = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost", headers=headers)
    agents = Agents(inside, page_address(settings), writes=settings.serve.mcp_writes)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings, secret, tells=tells) as service, inside, agents.made_after(service.opened):
            app.state.service = service
            yield

    app.router.lifespan_context = lifespan
    handle_errors(app)
    app.add_middleware(_Counted)
    for module in (search, assets, origins, media, uploads, runs, health, login):
        app.include_router(module.router)
    app.router.routes.append(Route("/mcp", agents))
    app.mount("/static", StaticFiles(directory=login.PAGE / "static"), name="static")
    app.add_middleware(Gate, settings=settings, sessions=sessions)
    return app


@contextlib.asynccontextmanager
async def running(settings: Settings, secret: str, *, tells: bool) -> AsyncIterator[Service]:
    """Yields a service with its store, threads and tasks, until the block ends; `tells`: it posts to webhooks."""
    with contextlib.ExitStack() as held:
        address = await asyncio.to_thread(held.enter_context, vector_store(settings))
        catalog = open_catalog(settings)
        searchers = Searchers(address, settings)
        held.callback(searchers.close)
        service = Service(settings, catalog, searchers, Sessions(secret))
        tasks = [asyncio.create_task(_warm_up(service))]
        if tells:
            telling = Webhooks(settings, catalog, secret)
            tasks.append(asyncio.create_task(telling.run(lambda query, asset: _matching(service, query, asset))))
        try:
            yield service
        finally:
            for task in tasks:
                task.cancel()


def page_address(settings: Settings) -> str:
    """Returns the address under which people reach the page."""
    host = settings.serve.hosts[0] if settings.serve.hosts else settings.serve.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.serve.port}"


async def _matching(service: Service, query: str, asset_id: str) -> list[dict[str, Any]]:
    """What fits a saved query in one asset."""
    found = await service.search(SearchRequest(query=query, limit=5, asset=asset_id))
    return shown(found["hits"])


async def _warm_up(service: Service) -> None:
    """The first question is as quick as the next one: each thread has its store, then models are loaded."""
    first = SearchRequest(query="warm up", limit=1)
    try:
        await service.search(first)
        service.opened.set()
        service.searchers.load_models()
        await off_loop(_load_models, service)
        await asyncio.gather(*(service.search(first) for _ in range(service.settings.serve.searches)))
    except MedleyError as error:  # no store yet, say: the first question tries again
        logger.warning("not warm yet: %s", error)
    finally:
        service.opened.set()
        service.searchers.load_models()


def _load_models(service: Service) -> None:
    models = models_for(with_profile(VideoOptions(), service.settings), service.settings)
    for model in (models.text, models.vision):
        while on_this_machine(model) and service.searchers.encoder(model) is None:
            pass  # it waits a second each time


class _Counted:
    """Counts requests by route and status, and measures the time until an answer begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "other")
                health.REQUESTS.labels(route, scope["method"], str(message["status"])).inc()
                health.SECONDS.labels(route).observe(time.monotonic() - began)
            await send(message)

        await self._app(scope, receive, answer)
