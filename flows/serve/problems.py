"""Errors as problem+json (RFC 9457): what is wrong, and what to do about it."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from medley.errors import BadInput, MedleyError, MissingFile, SetupError, StoreUnavailable, TransientError

MEDIA_TYPE = "application/problem+json"
logger = logging.getLogger("medley.serve")


class Problem(HTTPException):
    """A request that is refused: its status, why, and what helps."""

    def __init__(self, status: int, detail: str, remedy: str = "") -> None:
        super().__init__(status, detail)
        self.remedy = remedy


def problem(status: int, detail: str, remedy: str = "", **more: Any) -> Response:
    """Builds the response of an error."""
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    content = {**told, "remedy": remedy, **more}
    return Response(json.dumps(content), status, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def handle_errors(app: FastAPI) -> None:
    """Makes the errors of an application problems: no trace reaches who asks."""
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(MedleyError)(_known)
    app.exception_handler(Exception)(_unknown)


def of_error(error: MedleyError) -> Response:
    """Builds the response of an error of ours, from which clients make the same error."""
    told = {"error": type(error).__name__, "reason": error.reason, "file": error.file}
    return problem(_status(error), error.reason, error.remedy, **told)


def _status(error: MedleyError) -> int:
    if isinstance(error, MissingFile):
        return 404
    if isinstance(error, StoreUnavailable | TransientError):
        return 503
    return 400 if isinstance(error, BadInput | SetupError) else 500


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = problem(error.status_code, str(error.detail), getattr(error, "remedy", ""))
    answer.headers.update(error.headers or {})
    return answer


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"][1:])) or str(first["loc"][0])
    said = str(first["msg"]).removeprefix("Value error, ")
    return problem(422, f"{where}: {said}", "See /openapi.json")


async def _known(_: Request, error: Exception) -> Response:
    assert isinstance(error, MedleyError)
    return of_error(error)


async def _unknown(request: Request, error: Exception) -> Response:
    logger.error("%s %s: %s: %s", request.method, request.url.path, type(error).__name__, error)
    return problem(500, "something went wrong here", "See the log of the service in MEDLEY_HOME/logs")
