"""The page, its files, and the way in: the secret for a cookie."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from pydantic import BaseModel

from flows.serve.problems import Problem
from flows.serve.service import Serving
from flows.serve.sessions import COOKIE, LASTS_S
from flows.services.addresses import prefect_url

router = APIRouter()
PAGE = Path(__file__).parents[1] / "page"


class Session(BaseModel):
    """What a page needs to know: the token for requests that change something, and where Prefect is."""

    csrf: str
    prefect: str | None
    upload_mb: int


@router.get("/", include_in_schema=False)
async def show_page() -> Response:
    """Gives the page."""
    return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


@router.get("/login", include_in_schema=False)
async def show_login() -> Response:
    """Gives the page that asks for the secret."""
    return FileResponse(PAGE / "login.html", headers={"Cache-Control": "no-cache"})


@router.post("/login", include_in_schema=False)
async def log_in(service: Serving, request: Request, secret: Annotated[str, Form(max_length=1000)]) -> Response:
    """Gives a cookie for the secret."""
    if not service.sessions.is_secret(secret.strip()):
        raise Problem(401, "the secret is wrong", "It stands in MEDLEY_HOME/run/token, or MEDLEY_TOKEN")
    answer = RedirectResponse("/", status_code=303)
    how = {"max_age": LASTS_S, "httponly": True, "path": "/", "secure": request.url.scheme == "https"}
    answer.set_cookie(COOKIE, service.sessions.new_cookie(), samesite="strict", **how)  # type: ignore[arg-type]
    return answer


@router.post("/logout", include_in_schema=False)
async def log_out() -> Response:
    """Takes the cookie back."""
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.get("/api/session", include_in_schema=False)
async def show_session(service: Serving, request: Request) -> Session:
    """Tells a page its token."""
    cookie = request.cookies.get(COOKIE, "")
    pages = (prefect_url(service.settings) or "").removesuffix("/api") or None
    return Session(csrf=service.sessions.csrf_token(cookie), prefect=pages, upload_mb=service.settings.serve.upload_mb)
