"""Where records come from, and what was made of files."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from flows.serve.routes.answers import PROBLEMS
from flows.serve.service import AssetId, RecordId, Serving, off_loop
from medley.errors import MissingFile
from medley.explain import explain_asset, explain_record

router = APIRouter(prefix="/api", tags=["origins"], responses=PROBLEMS)


class Origin(BaseModel):
    """A file and the stages that were done for it; of a record, those that led to it."""

    record: dict[str, Any] | None = Field(
        None, description="text, place, collection and model, where a record is asked"
    )
    asset_id: str = Field(description="SHA-256 of the file")
    paths: list[dict[str, str]] = Field(description="where it was seen, and whether it is there, gone or elsewhere")
    size_bytes: int
    media_type: str | None
    about: dict[str, str]
    tags: list[str]
    outcomes: list[dict[str, Any]]
    stages: list[dict[str, Any]] = Field(description="with model, options, run, seconds, and what is kept of each")


@router.get("/assets/{asset_id}/origin")
async def explain_file(asset_id: AssetId, service: Serving) -> Origin:
    """Tells everything that was made of a file: stages with models, options and runs, artifacts, records."""
    catalog, artifacts, key = service.catalog, service.settings.artifact_store, service.searchers.store_key
    found = await off_loop(lambda: explain_asset(asset_id, catalog, artifacts, key, read=False))
    return Origin.model_validate(found)


@router.get("/records/{record_id}/origin")
async def explain_hit(record_id: RecordId, service: Serving) -> Origin:
    """Tells how a record came about: its file, and the stages that led to it."""
    catalog, artifacts, key = service.catalog, service.settings.artifact_store, service.searchers.store_key
    found = await service.in_thread(
        lambda: service.searchers.ask(
            lambda store: explain_record(record_id, catalog, artifacts, store, key, read=False)
        )
    )
    if found is None:
        raise MissingFile(f"there is no record {record_id}", remedy="A search shows the ids")
    return Origin.model_validate(found)
