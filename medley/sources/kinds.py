"""Which pipeline works on a file: by its first bytes, never by its name alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from medley.dag.pipeline import Pipeline
from medley.dag.registry import pipelines, route
from medley.errors import UnsupportedMedia
from medley.media.magic import Sniffed
from medley.media.sniff import HEAD_BYTES, sniff, sniff_head
from medley.sources.urls import first_bytes, is_url
from medley.types import MediaInfo, flow_of


def kind_for(pipeline: Pipeline, path: Path, name: str) -> Sniffed:
    """Tells what `path` holds, to Medley or else to the pipeline. Raises MissingFile, UnsupportedMedia."""
    try:
        return sniff(path, name)
    except UnsupportedMedia:
        own = _own(pipeline, head_of(path), name)
        if own is None:
            raise
        return own


def kind_of_head(pipeline: Pipeline, head: bytes, name: str) -> Sniffed:
    """Tells what a file holds by its first bytes. Raises UnsupportedMedia."""
    try:
        return sniff_head(head, name)
    except UnsupportedMedia:
        own = _own(pipeline, head, name)
        if own is None:
            raise
        return own


def pipeline_for(path: str, routes: Mapping[str, str]) -> Pipeline | None:
    """Finds the pipeline for a file or object; None where no pipeline takes such files.

    Raises MissingFile, TransientError where the file cannot be read, PipelineError.
    """
    head = first_bytes(path, HEAD_BYTES) if is_url(path) else None
    try:
        known = sniff(Path(path)) if head is None else sniff_head(head, path)
    except UnsupportedMedia:
        return _of_others(head_of(Path(path)) if head is None else head, path, routes)
    return route(known.media_type, routes)


def _of_others(head: bytes, path: str, routes: Mapping[str, str]) -> Pipeline | None:
    for pipeline in pipelines():
        if own := _own(pipeline, head, path):
            return route(own.media_type, routes) or pipeline
    return None


def head_of(path: Path) -> bytes:
    """Reads as much of a file as tells what it is. Raises OSError."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _own(pipeline: Pipeline, head: bytes, name: str) -> Sniffed | None:
    media_type = pipeline.sniff(head, name) if pipeline.sniff else None
    return Sniffed("", media_type) if media_type else None


def require_kind(pipeline: Pipeline, found: Sniffed | MediaInfo, path: str) -> None:
    """Raises UnsupportedMedia where the pipeline does not take such files.

    A container of videos may turn out to hold sound only: then the probe says audio/...
    """
    as_sound = found.media_type.replace("video/", "audio/") if isinstance(found, Sniffed) else found.media_type
    if pipeline.accepts(found.media_type) or pipeline.accepts(as_sound):
        return
    known = flow_of(found.media_type)
    use = f"medley {known} FILE, or medley ingest for files of all kinds" if known else "medley ingest"
    raise UnsupportedMedia(f"is no {pipeline.name} but {found.media_type}", file=path, remedy=f"Use: {use}")
