"""Asks the query process of the standing installation, where there is one."""

from __future__ import annotations

import os
from typing import Any

from flows.serve.request import SearchRequest
from flows.services.addresses import running
from medley.errors import error_class
from medley.settings import Settings
from medley.sources.urls import is_url

_TIMEOUT_S = 60.0


def token(settings: Settings) -> str:
    """Returns the secret of the query process: MEDLEY_TOKEN, else the one that `medley up` made."""
    return settings.token.get_secret_value() if settings.token else (settings.run_dir / "token").read_text()


def post(request: SearchRequest, settings: Settings) -> list[dict[str, Any]] | None:
    """Asks the query process for the hits, and returns None where no query process answers.

    Raises the error that the query process tells of.
    """
    url = running("query", settings)
    if not url:
        return None
    import httpx

    if request.file and not is_url(request.file):  # the process has another working directory
        request = request.model_copy(update={"file": os.path.abspath(os.path.expanduser(request.file))})
    if request.like and os.path.exists(request.like):
        request = request.model_copy(update={"like": os.path.abspath(request.like)})
    try:
        with httpx.Client(trust_env=False, timeout=_TIMEOUT_S) as client:
            answer = client.post(
                f"{url}/search", json=request.model_dump(), headers={"Authorization": f"Bearer {token(settings)}"}
            )
    except httpx.TransportError:
        return None  # it is being started again, or too busy: the caller searches for itself
    if answer.status_code != httpx.codes.OK:
        told = answer.json()
        raise error_class(told["type"])(told["reason"], remedy=told["remedy"], file=told["file"])
    found: list[dict[str, Any]] = answer.json()["hits"]
    return found
