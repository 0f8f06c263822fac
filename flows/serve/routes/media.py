"""Files themselves, and parts of them as pictures and clips."""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response, StreamingResponse

from flows.serve.problems import Problem
from flows.serve.routes.answers import PROBLEMS
from flows.serve.service import AssetId, RecordId, Service, Serving, off_loop
from medley.errors import MissingFile
from medley.media.views import cut_clip, draw_page
from medley.types import Asset

router = APIRouter(prefix="/api", tags=["media"], responses=PROBLEMS)

_BLOCK = 1 << 18
_AROUND_S = 2.0  #: before and after what a record spans
_LONGEST_S = 120.0
_DECODERS = asyncio.Semaphore(2)
#: Types that a page of ours may show; a browser is told nothing else of somebody's bytes.
_SHOWN = re.compile(r"(video|audio)/[\w.+-]+|image/(jpeg|png|gif|webp|avif|bmp)|application/(pdf|ogg)")
_KINDS = ("application/octet-stream", "application/pdf", "application/ogg", "image/*", "video/*", "audio/*")
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {} for kind in _KINDS}},
    206: {"description": "a part of it", "content": {kind: {} for kind in _KINDS}},
}


@router.get("/assets/{asset_id}/media", responses={**_FILE, 416: {"description": "no such part"}})
async def show_media(
    asset_id: AssetId,
    request: Request,
    service: Serving,
    at: Annotated[float | None, Query(ge=0, le=1e7, description="cut from this second, as MP4")] = None,
    seconds: Annotated[float, Query(gt=0, le=_LONGEST_S, description="length of what is cut")] = 60.0,
) -> Response:
    """Gives the file, whole or a range; with `at` some seconds of it, as every browser plays them."""
    if at is not None:
        return await _made(service, asset_id, lambda asset, into: _cut(asset, at, seconds, into, service), "video/mp4")
    opened = contextlib.ExitStack()
    try:
        asset = await off_loop(opened.enter_context, service.asset(asset_id))
        if asset.stamp == "changed":
            raise MissingFile("holds other content by now", file=asset.path, remedy="Ingest it again")
        return await off_loop(_ranged, asset, request.headers.get("range", ""), opened)
    except BaseException:
        opened.close()
        raise


def _ranged(asset: Asset, wanted: str, opened: contextlib.ExitStack) -> Response:
    path = Path(asset.path)
    size = path.stat().st_size
    file = opened.enter_context(path.open("rb"))
    kind = asset.media.media_type if _SHOWN.fullmatch(asset.media.media_type) else "application/octet-stream"
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, max-age=3600", "ETag": f'"{asset.asset_id[:32]}"'}
    headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    first, last = _range(wanted, size)
    if first > last:
        opened.close()
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    part = (bool(wanted) and (first, last) != (0, size - 1)) or wanted.startswith("bytes=")
    headers["Content-Length"] = str(last - first + 1)
    if part:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return StreamingResponse(_blocks(file, first, last, opened), 206 if part else 200, headers, media_type=kind)


def _range(wanted: str, size: int) -> tuple[int, int]:
    """First and last byte; of several ranges or another unit the whole file, as RFC 9110 allows."""
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", wanted.strip())
    if not found or found.groups() == ("", ""):
        return 0, size - 1
    first, last = found.groups()
    if not first:
        return (max(0, size - int(last)), size - 1) if int(last) else (1, 0)
    return int(first), min(int(last) if last else size - 1, size - 1)


def _blocks(file: Any, first: int, last: int, opened: contextlib.ExitStack) -> Iterator[bytes]:
    with opened:
        file.seek(first)
        left = last - first + 1
        while left > 0 and (block := file.read(min(_BLOCK, left))):
            left -= len(block)
            yield block


@router.get("/assets/{asset_id}/pages/{number}.png", responses={200: {"content": {"image/png": {}}}})
async def show_page(
    asset_id: AssetId,
    number: int,
    service: Serving,
    box: Annotated[list[str], Query(max_length=50, description="x0,y0,x1,y1 in points from the top left")] = [],  # noqa: B006
    dpi: Annotated[int, Query(ge=20, le=300)] = 110,
) -> Response:
    """Draws a page, with a frame around each box."""
    boxes = [_box(one) for one in box]
    limits = service.settings.limits

    def draw(asset: Asset, into: Path) -> Path:
        if asset.media.media_type != "application/pdf":
            raise MissingFile("has no pages", file=asset.path, remedy="Only PDFs have")
        return draw_page(asset, max(1, number), boxes, into, limits, dpi)

    if not 1 <= number <= 1_000_000:
        raise Problem(404, "pages count from 1")
    return await _made(service, asset_id, draw, "image/png")


def _box(given: str) -> list[float]:
    try:
        edges = [float(edge) for edge in given.split(",")]
    except ValueError:
        edges = []
    if len(edges) != 4 or not all(abs(edge) < 1e6 for edge in edges):
        raise Problem(422, "box: four numbers with commas between them", "x0,y0,x1,y1")
    x0, y0, x1, y1 = edges
    return [min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)]


@router.get("/thumbnails/{record_id}", responses={200: {"content": {"image/jpeg": {}}}})
async def show_thumbnail(record_id: RecordId, service: Serving) -> Response:
    """Gives the picture of a record: the frame, figure or image that was embedded."""
    found = await service.record(record_id)
    if not found.row.thumbnail:
        raise Problem(404, "this record has no picture", "Only frames, figures and images have one")
    path = await off_loop(service.settings.artifact_store.file, found.row.thumbnail)
    if not path.is_file():
        raise Problem(404, "the picture is gone", "medley rebuild-index says what is missing")
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})


@router.get("/clips/{record_id}.mp4", responses={200: {"content": {"video/mp4": {}}}})
async def show_clip(record_id: RecordId, service: Serving) -> Response:
    """Cuts what a record spans out of its file, two seconds more on either side."""
    found = (await service.record(record_id)).row, (await service.record(record_id)).asset_id
    row, asset_id = found
    if row.start_ms is None:
        raise Problem(404, "this record has no time", "Only sound and videos have")
    start = max(0.0, row.start_ms / 1000 - _AROUND_S)
    length = min(_LONGEST_S, (row.end_ms or row.start_ms) / 1000 + _AROUND_S - start)
    return await _made(service, asset_id, lambda asset, into: _cut(asset, start, length, into, service), "video/mp4")


def _cut(asset: Asset, start_s: float, length_s: float, into: Path, service: Service) -> Path:
    if asset.media.audio_stream is None and asset.media.video_stream is None:
        raise MissingFile("has neither sound nor picture", file=asset.path, remedy="Only sound and videos can be cut")
    return cut_clip(asset, start_s, length_s, into, service.settings.limits)


async def _made(service: Service, asset_id: str, make: Callable[[Asset, Path], Path], kind: str) -> Response:
    """A file that is made for this answer."""

    def work() -> bytes:
        with service.asset(asset_id) as asset, tempfile.TemporaryDirectory() as directory:
            return make(asset, Path(directory)).read_bytes()

    async with _DECODERS:
        content = await off_loop(work)
    return Response(content, media_type=kind, headers={"Cache-Control": "private, max-age=3600"})
