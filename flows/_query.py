"""Asks the query process of the standing installation, where there is one."""

from __future__ import annotations

from typing import Any

from flows._addresses import running
from medley.errors import ServiceUnreachable
from medley.settings import Settings
from medley.types import Modality

_TIMEOUT_S = 60.0


def token(settings: Settings) -> str:
    """The secret of the query process: MEDLEY_TOKEN, else the one that `medley up` made."""
    return settings.token.get_secret_value() if settings.token else (settings.run_dir / "token").read_text()


def ask(query: str, settings: Settings, *, limit: int, modality: Modality | None) -> list[dict[str, Any]] | None:
    """The hits; None where no query process answers. Raises ServiceUnreachable with what it says is wrong."""
    url = running("query", settings)
    if not url:
        return None
    import httpx

    asked = {"query": query, "limit": limit, "modality": modality}
    try:
        with httpx.Client(trust_env=False, timeout=_TIMEOUT_S) as client:
            answer = client.post(f"{url}/search", json=asked, headers={"Authorization": f"Bearer {token(settings)}"})
    except httpx.TransportError:
        return None  # it is being started again, or too busy: the caller searches for itself
    if answer.status_code != httpx.codes.OK:
        raise ServiceUnreachable(answer.json()["error"], remedy="See: medley doctor")
    found: list[dict[str, Any]] = answer.json()["hits"]
    return found
