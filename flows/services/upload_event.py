"""The event that starts a run for files: of what has landed, and of what is to be tried again."""

from __future__ import annotations

from prefect import get_client
from prefect.events import Event, Resource
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from medley.plain import portable_name

EVENT = "medley.upload.landed"


def emit(url: str, source: str, paths: list[str]) -> None:
    """Tells Prefect's server at `url` that files have landed; raises httpx.HTTPError."""
    resource = Resource({"prefect.resource.id": f"medley.uploads.{source}", "prefect.resource.name": source})
    event = Event(event=EVENT, resource=resource, payload={"paths": [*map(portable_name, paths)]})
    settings = {PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(settings), get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event.model_dump(mode="json")]).raise_for_status()
