"""The frame branch of videos: pictures, vectors, records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medley.artifacts import Draft
from medley.dag.parts import embed_pictures, label_pictures, write_records
from medley.dag.stage import no_picture, stage
from medley.media import frames as pictures
from medley.run import TaskContext
from medley.types import Asset, Row
from tasks.publish import publish_frames


def _exported(made: Path) -> dict[str, Any]:
    if not (made / pictures.SHOTS).is_file():
        return {}
    frames = [{"time_s": frame.time_s, "image": str(made / frame.image)} for frame in pictures.read_frames(made)]
    shots = [{"start_s": begin_s, "end_s": end_s} for begin_s, end_s in pictures.shots_of(made)]
    return {"frames": frames, "shots": shots}


@stage(
    version=4,
    branch="frames",
    reads=lambda o: o.frames.model_dump(exclude={"ocr", "captions"}),
    skips=no_picture,
    takes="assets",
    makes="frames",
    export=_exported,
)
def sample_frames(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Extracts the pictures of a video that are worth looking at, as JPEGs with times."""
    found = pictures.sample_frames(asset, draft.directory, context.options.frames, context.limits, context.spread)
    draft.data |= {"frames": len(found.frames), "shots": len(found.shots), "damage": found.damage}
    publish_frames(asset, found.frames, draft.directory)


def _rows(directory: Path) -> list[tuple[Row, str]]:
    found = pictures.read_frames(directory)
    spans = pictures.spans_of(found, pictures.shots_of(directory))
    return [(_row(span), frame.image) for frame, span in zip(found, spans, strict=True)]


def _row(span: tuple[float, float]) -> Row:
    begin_s, end_s = span
    return Row("frame", "", start_ms=round(begin_s * 1000), end_ms=round(end_s * 1000))


embed_frames = embed_pictures("embed_frames", branch="frames", rows=_rows, takes="frames", version=3)
label_frames = label_pictures("label_frames", branch="frames")
write_frames = write_records("write_frames", branch="frames", modalities="frame", space="image")
