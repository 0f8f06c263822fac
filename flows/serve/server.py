"""Keeps the models of the indexed collections warm for queries: `medley search` and others ask on a loopback port.

`python -m flows.serve.server`, under supervisord. POST /search with a `SearchRequest` as JSON and the token of
MEDLEY_HOME/run/token (or MEDLEY_TOKEN) as `Authorization: Bearer ...`; answers with the hits of `medley search --json`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import socket
import sys
from functools import partial
from typing import Any

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flows.engine.plan import with_profile
from flows.serve.client import token
from flows.serve.local import find_here
from flows.serve.request import SearchRequest
from flows.services.addresses import register
from flows.services.environment import prepare_environment
from flows.services.log import log_to_stderr, logger
from medley.errors import BadInput, MedleyError, ServiceUnreachable, SetupError
from medley.models.locate import on_this_machine
from medley.models.profiles import models_for
from medley.options import VideoOptions
from medley.search import query_encoder
from medley.settings import Settings, load_settings


def application(settings: Settings) -> Starlette:
    """Builds the web application, which runs one search at a time, as the encoders want it."""
    turn = asyncio.Lock()
    expected = token(settings).encode()

    async def search(request: Request) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), expected):
            return _wrong("wrong token", 401)
        try:
            asked = SearchRequest.model_validate_json(await request.body())
        except ValidationError as error:
            return _wrong(str(error.errors(include_url=False)[0]["msg"]), 422)
        find = partial(find_here, asked, settings)
        try:
            async with turn:
                hits: list[dict[str, Any]] = await asyncio.to_thread(find)
        except MedleyError as error:
            told = {"type": type(error).__name__, "reason": error.reason, "remedy": error.remedy, "file": error.file}
            return JSONResponse(told, 400 if isinstance(error, (BadInput, SetupError)) else 503)
        return JSONResponse({"query": asked.query, "hits": hits})

    return Starlette(routes=[Route("/search", search, methods=["POST"])])


def _wrong(reason: str, status: int) -> Response:
    told = {"type": ServiceUnreachable.__name__, "reason": f"the query process says: {reason}"}
    return JSONResponse({**told, "remedy": "See: medley doctor", "file": ""}, status)


def main() -> int:
    """Answers searches on a loopback port until SIGTERM, after the models have been warmed up."""
    settings = load_settings()
    log_to_stderr()
    prepare_environment(settings)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", settings.up.query_port))
        listening.listen()
        register("query", f"http://127.0.0.1:{settings.up.query_port}", settings)
        _warm_up(settings)
        server = uvicorn.Server(uvicorn.Config(application(settings), log_level="warning", access_log=False))
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
    return 0


def _warm_up(settings: Settings) -> None:
    """The first question is as quick as the next one: the models of the profile, and those of what is indexed."""
    try:
        options = with_profile(VideoOptions(), settings)
        models = models_for(options, settings)
        for model in (models.text, models.vision):
            if on_this_machine(model):
                query_encoder(model)
        find_here(SearchRequest(query="warm up", limit=1), settings)
    except MedleyError as error:  # no store yet, say: the first question tries again
        logger.warning("not warm yet: %s", error)


if __name__ == "__main__":
    sys.exit(main())
