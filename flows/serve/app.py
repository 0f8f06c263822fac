"""The application of the service: routes, page, agents' tools; one process, or several replicas of Ray Serve."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.staticfiles import StaticFiles

from flows.engine.plan import with_profile
from flows.serve.gate import Gate
from flows.serve.problems import handle_errors
from flows.serve.request import SearchRequest
from flows.serve.routes import assets, health, login, media, runs, search, uploads
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


def application(settings: Settings, secret: str) -> FastAPI:
    """Builds the application. Its store and threads are there between startup and shutdown."""
    sessions = Sessions(secret)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with contextlib.ExitStack() as held:
            address = await asyncio.to_thread(held.enter_context, vector_store(settings))
            catalog = open_catalog(settings)
            searchers = Searchers(address, settings)
            held.callback(searchers.close)
            webhooks = Webhooks(settings, catalog, secret)
            service = Service(settings, catalog, searchers, sessions, webhooks)
            app.state.service = service
            telling = asyncio.create_task(webhooks.run(lambda query, asset_id: _matching(service, query, asset_id)))
            warming = asyncio.create_task(_warm_up(service))
            try:
                yield
            finally:
                telling.cancel()
                warming.cancel()

    app = FastAPI(
        title="Medley", version=__version__, description=_ABOUT, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    handle_errors(app)
    app.middleware("http")(_counted)
    for module in (search, assets, media, uploads, runs, health, login):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=login.PAGE / "static"), name="static")
    app.add_middleware(Gate, settings=settings, sessions=sessions)
    return app


async def _matching(service: Service, query: str, asset_id: str) -> list[dict[str, Any]]:
    """What fits a saved query in one asset."""
    found = await service.search(SearchRequest(query=query, limit=5, asset=asset_id))
    return shown(found["hits"])


async def _warm_up(service: Service) -> None:
    """The first question is as quick as the next one: models are loaded, each thread has its store."""
    try:
        await off_loop(_load_models, service)
        first = SearchRequest(query="warm up", limit=1)
        await asyncio.gather(*(service.search(first) for _ in range(service.settings.serve.searches)))
    except MedleyError as error:  # no store yet, say: the first question tries again
        logger.warning("not warm yet: %s", error)


def _load_models(service: Service) -> None:
    models = models_for(with_profile(VideoOptions(), service.settings), service.settings)
    for model in (models.text, models.vision):
        while on_this_machine(model) and service.searchers.encoder(model) is None:
            pass  # it waits a second each time


async def _counted(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    began = time.monotonic()
    answer = await go_on(request)
    route = getattr(request.scope.get("route"), "path", "other")
    health.REQUESTS.labels(route, request.method, str(answer.status_code)).inc()
    health.SECONDS.labels(route).observe(time.monotonic() - began)
    return answer
