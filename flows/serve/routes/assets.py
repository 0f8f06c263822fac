"""Files that are known: what became of them, and what was made of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, Field

from flows.serve.routes.answers import PROBLEMS
from flows.serve.service import AssetId, Service, Serving, off_loop
from flows.serve.subprocesses import command
from medley.catalog.details import asset_details, items_page
from medley.catalog.known import assets_at
from medley.content import by_track, content_of, segments_of
from medley.errors import MissingFile
from medley.plain import to_json
from medley.subtitles import srt, vtt

router = APIRouter(prefix="/api", tags=["assets"], responses=PROBLEMS)
_STATUSES = Literal["complete", "partial", "failed", "cancelled", "pending", "running"]


class Item(BaseModel):
    """A path that is known, and what became of the file there."""

    path: str
    asset_id: str | None
    status: str
    errors: list[dict[str, Any]]
    attempts: int
    updated: str
    media_type: str | None = None


class Items(BaseModel):
    """A page of items; `total` counts all that fit."""

    total: int
    items: list[Item]


@router.get("/assets")
async def list_assets(
    service: Serving,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    status: Annotated[_STATUSES | None, Query(description="only items that ended so")] = None,
    contains: Annotated[str, Query(max_length=500, description="only paths with this in them")] = "",
) -> Items:
    """Lists the files that are known, the newest first."""
    within, engine = contains.replace("\0", ""), service.catalog.engine
    found = await off_loop(lambda: items_page(engine, limit=limit, offset=offset, status=status, contains=within))
    return Items.model_validate(found)


class Details(BaseModel):
    """Everything that is known of an asset."""

    asset_id: str
    size_bytes: int
    created: str
    media: dict[str, Any] | None
    about: dict[str, str] = Field(description="what the file says of itself: title, artist, author, ...")
    paths: list[str]
    tags: list[str]
    outcomes: list[dict[str, Any]] = Field(description="by pipeline: status, errors, records, options, models")
    stages: list[dict[str, Any]] = Field(description="stages with the run that made them, the newest first")


@router.get("/assets/{asset_id}")
async def show_asset(asset_id: AssetId, service: Serving) -> Details:
    """Shows an asset with its stages, models and options, and the runs that made each record."""
    found = await off_loop(lambda: asset_details(service.catalog.engine, asset_id))
    if found is None:
        raise MissingFile(f"there is no asset {asset_id}", remedy="GET /api/assets lists them")
    return Details.model_validate(found)


@router.delete("/assets/{asset_id}")
async def forget_asset(asset_id: AssetId, service: Serving) -> dict[str, Any]:
    """Takes a file out of index, disk and catalog, and gives the receipt. The file itself stays."""
    await off_loop(service.path_of, asset_id)
    receipt: dict[str, Any] = await command("forget", asset_id, "--receipt")
    return receipt


@router.get("/plan")
async def show_plan(
    service: Serving,
    path: Annotated[str, Query(min_length=1, max_length=4096, description="a file or folder that is known")],
) -> list[dict[str, Any]]:
    """Tells what another ingest of a known file or folder would do, and why; does nothing."""
    plain = path.replace("\0", "").rstrip("/")
    if not await off_loop(assets_at, service.catalog.engine, plain):
        raise MissingFile(f"nothing is known of {plain}", remedy="GET /api/assets lists what is")
    found = await command("plan", plain, "--json")
    return found if isinstance(found, list) else [found]


Track = Annotated[int | None, Query(ge=1, description="of several that are indexed; default: the main one")]
_KINDS = ("application/json", "application/x-subrip", "text/vtt", "text/plain")
_TRANSCRIPTS: dict[int | str, dict[str, Any]] = {200: {"content": {kind: {} for kind in _KINDS}}}


@router.get("/assets/{asset_id}/transcript.{kind}", responses=_TRANSCRIPTS)
async def show_transcript(
    asset_id: AssetId, kind: Literal["json", "srt", "vtt", "txt"], service: Serving, track: Track = None
) -> Response:
    """Gives what is said, as JSON with times of words and with what stands on frames, as subtitles or plain text.

    `speakers` in the JSON: names of speakers by the numbers that sentences have. The JSON has all tracks.
    """
    content = await off_loop(_content, service, asset_id)
    tracks = by_track(segments_of(content))
    segments = next(iter(tracks.values()), []) if track is None else tracks.get(track, [])
    names = await service.speaker_names(asset_id, content.get("turns", []))
    if kind == "json":
        told = {name: content[name] for name in ("segments", "on_screen", "chapters", "shots")}
        return Response(to_json({**told, "speakers": names}), media_type="application/json")
    if kind == "txt":
        return PlainTextResponse("".join(f"{segment.text}\n" for segment in segments))
    made = {"srt": srt, "vtt": vtt}[kind](segments, names)
    return Response(made, media_type={"srt": "application/x-subrip", "vtt": "text/vtt"}[kind])


@router.get("/assets/{asset_id}/pages.json")
async def show_pages(asset_id: AssetId, service: Serving) -> dict[str, Any]:
    """Gives what is written on each page, block by block with boxes."""
    content = await off_loop(_content, service, asset_id)
    return {"pages": content["pages"]}


def _content(service: Service, asset_id: str) -> dict[str, Any]:
    service.path_of(asset_id)
    return content_of(asset_id, service.catalog, service.settings)
