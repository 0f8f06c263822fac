"""Asks the service of this home, where it is up."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from flows.serve.request import RECORD_ID, SearchRequest
from flows.services.addresses import running
from medley.errors import MedleyError, MissingFile, ServiceUnreachable, error_class
from medley.settings import Settings
from medley.sources.urls import is_url

_TIMEOUT_S = 60.0


def token(settings: Settings) -> str:
    """Returns the secret of the service: MEDLEY_TOKEN, else the one that `medley up` made."""
    return settings.token.get_secret_value() if settings.token else (settings.run_dir / "token").read_text()


def post(request: SearchRequest, settings: Settings) -> dict[str, Any] | None:
    """Asks the service for the answer, and returns None where no service is up.

    Raises the error that the service tells of.
    """
    url = running("serve", settings)
    if not url:
        return None
    import httpx

    if request.file and not is_url(request.file):  # the process has another working directory
        request = request.model_copy(update={"file": os.path.abspath(os.path.expanduser(request.file))})
    try:
        with httpx.Client(trust_env=False, timeout=_TIMEOUT_S) as client:
            answer = _sent(client, url, request, {"Authorization": f"Bearer {token(settings)}"})
    except httpx.TransportError:
        return None  # it is being started again, or too busy: the caller searches for itself
    if answer.status_code == httpx.codes.OK:
        found: dict[str, Any] = answer.json()
        for hit in found["hits"]:
            for piece in (hit, *hit["evidence"]):
                del piece["thumbnail_url"]  # of the API; `thumbnail` is a path of this machine
        return found
    raise _error(answer.json(), request)


def generation_searched(settings: Settings) -> str | None:
    """Returns the generation of the index that the service searches; None where no service answers."""
    url = running("serve", settings)
    if not url:
        return None
    import httpx

    try:
        headers = {"Authorization": f"Bearer {token(settings)}"}
        answer = httpx.get(f"{url}/api/health", headers=headers, timeout=_TIMEOUT_S, trust_env=False)
        return str(answer.json()["generation"])
    except (httpx.TransportError, ValueError, KeyError):
        return None


def _sent(client: Any, url: str, request: SearchRequest, headers: dict[str, str]) -> Any:
    picture = request.like and not re.fullmatch(RECORD_ID, request.like)
    asked = request.model_dump(mode="json", exclude={"like"} if picture else None)
    if not picture:
        return client.post(f"{url}/api/search", json=asked, headers=headers)
    path = os.path.abspath(os.path.expanduser(str(request.like)))
    try:
        with open(path, "rb") as file:
            fields = {"request": json.dumps(asked)}
            return client.post(f"{url}/api/search/picture", data=fields, files={"picture": file}, headers=headers)
    except OSError as error:
        raise MissingFile(f"cannot be read: {error.strerror}", file=path, remedy="Check the path") from None


def _error(told: dict[str, Any], request: SearchRequest) -> MedleyError:
    if "error" not in told:
        return ServiceUnreachable(f"the service says: {told.get('detail')}", remedy="See: medley doctor")
    file = str(request.like) if request.like and told["file"] else told["file"]
    return error_class(told["error"])(told["reason"], remedy=told["remedy"], file=file)
