"""Uploads: a file is streamed into the upload folder or bucket, and its state can be asked for or watched."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from flows.serve.problems import Problem
from flows.serve.routes.answers import PROBLEMS
from flows.serve.service import Service, Serving, off_loop
from medley.catalog.details import upload_state
from medley.errors import NO_SPACE
from medley.plain import native_name, portable_name
from medley.sources import buckets
from medley.sources.urls import is_url

router = APIRouter(prefix="/api", tags=["uploads"], responses=PROBLEMS)

_NAME_BYTES = 200
_TICK_S = 0.5
_PUSHED_S = 3600.0
_ENDED = ("complete", "partial", "failed", "unchanged", "skipped", "cancelled")


class Upload(BaseModel):
    """A file that has been sent, and what became of it so far."""

    id: str
    path: str
    status: str = Field(description="landing, pending, running, complete, partial, failed ...")
    asset_id: str | None = None
    errors: list[dict[str, Any]] = []
    stages: list[dict[str, Any]] = []
    url: str


@router.post(
    "/uploads",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def send_upload(
    request: Request,
    response: Response,
    service: Serving,
    name: Annotated[str, Query(min_length=1, max_length=500, description="name of the file")],
) -> Upload:
    """Takes a file, the body of the request, into the upload folder or bucket, where a run finds it."""
    safe = _safe_name(name)
    source = service.settings.upload_source
    landing = service.settings.home / "uploads" if is_url(source) else Path(source)
    await off_loop(lambda: landing.mkdir(parents=True, exist_ok=True))
    draft = landing / f".{uuid.uuid4().hex}.part"
    try:
        size = await _received(request, draft)
        if not size:
            raise Problem(422, "the body is empty", "Send the file as the body of the request")
        path = await off_loop(_land, draft, safe, source)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise Problem(507, "the disk of the service is full", "Make room, then send it again") from None
        raise
    finally:
        draft.unlink(missing_ok=True)
    upload = await off_loop(_state, path, service)
    response.headers["Location"] = upload.url
    return upload


async def _received(request: Request, draft: Path) -> int:
    size = 0
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        async for part in request.stream():
            size += len(part)
            await off_loop(file.write, part)
        await off_loop(file.flush)
    return size


def _land(draft: Path, name: str, source: str) -> str:
    """Puts the whole file in its place under a name that is free; nothing that is there is written over."""
    if is_url(source):
        url = f"{source.rstrip('/')}/{uuid.uuid4().hex[:8]}-{name}"
        buckets.put(draft, url)
        return url
    stem, ending = os.path.splitext(name)
    for n in range(10_000):
        target = draft.with_name(f"{stem}-{n}{ending}" if n else name)
        with contextlib.suppress(FileExistsError):
            os.link(draft, target)  # fails where there is one, unlike a rename
            return str(target)
    raise Problem(409, f"there are too many files called {name}", "Give it another name")


def _safe_name(name: str) -> str:
    """The last part of a name, without what file systems and watchers take for something else."""
    plain = re.sub(r"[\x00-\x1f\x7f/\\]", "_", re.split(r"[/\\]", name)[-1]).strip().lstrip(".")
    stem, ending = os.path.splitext(plain)
    short = stem.encode(errors="replace")[: _NAME_BYTES - len(ending.encode(errors="replace")[:40])]
    safe = short.decode(errors="ignore") + ending[:20]
    if not safe.strip("._ "):
        raise Problem(422, "name: this is no name for a file", "Give the name that the file has on your disk")
    return safe


@router.get("/uploads/{upload_id}")
async def show_upload(upload_id: str, service: Serving) -> Upload:
    """Tells what became of an uploaded file so far."""
    return await off_loop(_state, _path_of(upload_id, service), service)


@router.get("/uploads/{upload_id}/events", response_class=StreamingResponse)
async def watch_upload(upload_id: str, request: Request, service: Serving) -> StreamingResponse:
    """Tells of each change as a server-sent event, until the file has come to its end."""
    path = _path_of(upload_id, service)

    async def events() -> AsyncIterator[str]:
        told = None
        deadline = asyncio.get_running_loop().time() + _PUSHED_S
        while asyncio.get_running_loop().time() < deadline and not await request.is_disconnected():
            state = await off_loop(_state, path, service)
            if state != told:
                told = state
                yield f"data: {json.dumps(state.model_dump())}\n\n"
            if state.status in _ENDED:
                return
            await asyncio.sleep(_TICK_S)

    return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _state(path: str, service: Service) -> Upload:
    known = upload_state(service.catalog.engine, path) or {"status": "landing"}
    if known["status"] == "running" and known.get("asset_id"):
        known["stages"] = _made_so_far(known["asset_id"], service) or known["stages"]
    upload_id = _id_of(path)
    return Upload(**{**known, "path": path, "id": upload_id, "url": f"/api/uploads/{upload_id}"})


def _made_so_far(asset_id: str, service: Service) -> list[dict[str, Any]]:
    """Stages that have left something, in their order: the ledger learns of them when the file is through."""
    made = service.settings.artifact_store.asset_directory(asset_id).glob("*/*/manifest.json")
    newest: dict[str, float] = {}
    for path in made:
        with contextlib.suppress(OSError):
            newest[path.parts[-3]] = path.stat().st_mtime
    return [{"stage": name, "state": "completed", "seconds": None} for name in sorted(newest, key=newest.__getitem__)]


def _id_of(path: str) -> str:
    return base64.urlsafe_b64encode(portable_name(path).encode()).decode().rstrip("=")


def _path_of(upload_id: str, service: Service) -> str:
    """The path that an id stands for. Raises Problem for anything outside of the upload folder."""
    try:
        path = native_name(base64.urlsafe_b64decode(upload_id + "=" * (-len(upload_id) % 4)).decode())
    except (ValueError, UnicodeError):
        path = ""
    root = service.settings.upload_source.rstrip("/")
    if not path.startswith(f"{root}/") or ".." in path.split("/") or "\0" in path:
        raise Problem(404, "there is no such upload", "POST /api/uploads gives the ids")
    return path
