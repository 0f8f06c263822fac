"""Searches: by words, by likeness to a record, by likeness to a picture."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, UploadFile
from pydantic import BaseModel, Field

from flows.serve.local import labels_of, record_json
from flows.serve.problems import Problem
from flows.serve.request import RECORD_ID, SearchRequest
from flows.serve.routes.answers import PROBLEMS
from flows.serve.service import RecordId, Serving, off_loop
from medley.types import Modality

router = APIRouter(prefix="/api", tags=["search"], responses=PROBLEMS)


class Evidence(BaseModel):
    """A record that speaks for a hit. Times in seconds, pages from 1, boxes in points from the top left."""

    record_id: str
    modality: Modality
    score: float = Field(description="0..1")
    raw: dict[str, float] = Field(description="what the score comes from: cosine, bm25, rerank, name")
    start_s: float | None
    end_s: float | None
    page: int | None
    box: list[float] | None
    text: str
    labels: list[str] = Field(description="which labels of the run fit the picture")
    speaker: str | None = Field(description="who speaks, by name or number, where that is known")
    track: int | None = Field(description="number of the track, where several are indexed")
    thumbnail: str | None = Field(description="path on the machine of the service; see thumbnail_url")
    thumbnail_url: str | None


class Hit(BaseModel):
    """A moment: a file, a time span or page, and the evidence, best first."""

    score: float = Field(description="0..1, comparable between queries")
    weak: bool = Field(description="fits no better than hits of queries that nothing fits")
    path: str | None
    parent: str | None = Field(description="the file that it is attached to, where it is attached to one")
    title: str | None = Field(description="what the file calls itself")
    asset_id: str
    record_id: str
    modality: Modality
    start_s: float | None
    end_s: float | None
    shot: list[float] | None = Field(description="begin and end of the shot, where evidence is a frame; in seconds")
    page: int | None
    box: list[float] | None
    text: str
    labels: list[str]
    speaker: str | None
    track: int | None
    thumbnail: str | None
    thumbnail_url: str | None
    evidence: list[Evidence]


class Answer(BaseModel):
    """The hits of a search, best first; `notes` say which filters have left nothing to find."""

    query: str
    hits: list[Hit]
    notes: list[str]
    loading: bool = Field(description="models are still being loaded: only words were searched")


class Search(SearchRequest):
    """A search; `like` is the id of a record."""

    like: str | None = Field(None, pattern=f"^{RECORD_ID}$", description="id of a record, instead of words")


class Record(BaseModel):
    """One record: what a link to a moment leads to."""

    record_id: str
    asset_id: str
    path: str | None
    modality: Modality
    start_s: float | None
    end_s: float | None
    page: int | None
    box: list[float] | None
    text: str
    thumbnail: str | None
    thumbnail_url: str | None


class Label(BaseModel):
    """A label that runs have looked for."""

    label: str
    records: int = Field(description="pictures and frames that it fits")


@router.get("/labels")
async def list_labels(service: Serving) -> list[Label]:
    """Lists the labels of the index, those that fit most first."""
    found = await service.in_thread(lambda: service.searchers.ask(lambda store: labels_of(store, service.catalog)))
    return [Label(label=label, records=count) for label, count in found]


@router.get("/records/{record_id}")
async def show_record(record_id: RecordId, service: Serving) -> Record:
    """Shows one record."""
    found = await service.record(record_id)
    paths = await off_loop(service.catalog.newest_locations, [found.asset_id])
    known = record_json(found, paths.get(found.asset_id), service.settings)
    return Record(**known, thumbnail_url=_thumbnail(known))


@router.post("/search")
async def search(asked: Search, service: Serving) -> Answer:
    """Finds moments by words, or by likeness to a record."""
    return await _answered(asked, service)


@router.get("/search")
async def search_by_url(asked: Annotated[Search, Query()], service: Serving) -> Answer:
    """Finds moments by words, or by likeness to a record: the same as a link."""
    return await _answered(asked, service)


@router.post("/search/picture")
async def search_by_picture(
    service: Serving,
    picture: Annotated[UploadFile, File(description="the picture")],
    request: Annotated[str, Form(description="a search without words, as JSON")] = "{}",
) -> Answer:
    """Finds moments that look like a picture that is sent along."""
    try:
        asked = SearchRequest.model_validate_json(request)
    except ValueError as error:
        raise Problem(422, f"request: {str(error).splitlines()[-1]}", "Send a search as JSON") from None
    with tempfile.NamedTemporaryFile(suffix=Path(picture.filename or "").suffix[:16].replace("\0", "")) as copy:
        while part := await picture.read(1 << 20):
            copy.write(part)
        copy.flush()
        return with_urls(await service.search(asked.model_copy(update={"query": "", "like": copy.name})))


async def _answered(asked: Search, service: Serving) -> Answer:
    if bool(asked.query.strip()) == bool(asked.like):
        raise Problem(422, "a search wants either `query` or `like`", "Give one of them")
    return with_urls(await service.search(asked))


def with_urls(found: dict[str, Any]) -> Answer:
    """Builds the answer with the addresses of thumbnails."""
    for hit in found["hits"]:
        for piece in hit["evidence"]:
            piece["thumbnail_url"] = _thumbnail(piece)
        hit["thumbnail_url"] = next((p["thumbnail_url"] for p in hit["evidence"] if p["thumbnail_url"]), None)
    return Answer.model_validate(found)


def _thumbnail(piece: dict[str, Any]) -> str | None:
    return f"/api/thumbnails/{piece['record_id']}" if piece["thumbnail"] else None
