"""The frame branch of videos: pictures, vectors, records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medley.artifacts import Draft
from medley.dag.parts import embed_pictures, write_records
from medley.dag.stage import no_picture, stage
from medley.media import frames as pictures
from medley.run import TaskContext
from medley.types import Asset, Frame, Row
from tasks.publish import publish_frames


def _exported(made: Path) -> dict[str, Any]:
    found = pictures.read_frames(made) if (made / pictures.FRAMES).is_file() else []
    return {"frames": [{"time_s": frame.time_s, "image": str(made / frame.image)} for frame in found]}


@stage(
    version=3,
    branch="frames",
    reads=lambda o: o.frames.model_dump(exclude={"ocr"}),
    skips=no_picture,
    takes="assets",
    makes="frames",
    export=_exported,
)
def sample_frames(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Extracts the pictures of a video that are worth looking at, as JPEGs with times."""
    found = pictures.sample_frames(asset, draft.directory, context.options.frames, context.limits, context.spread)
    draft.data |= {"frames": len(found.frames), "damage": found.damage}
    publish_frames(asset, found.frames, draft.directory)


def _rows(directory: Path) -> list[tuple[Row, str]]:
    """A frame is shown until the next one that differs: what looked like it in between has been dropped."""
    found = pictures.read_frames(directory)
    ends = [*(frame.time_s for frame in found[1:]), pictures.end_of_shots(directory)]
    return [(_row(frame, max(end_s, frame.time_s)), frame.image) for frame, end_s in zip(found, ends, strict=True)]


def _row(frame: Frame, end_s: float) -> Row:
    return Row("frame", "", start_ms=round(frame.time_s * 1000), end_ms=round(end_s * 1000))


embed_frames = embed_pictures("embed_frames", branch="frames", rows=_rows, takes="frames", version=2)
write_frames = write_records("write_frames", branch="frames", modalities="frame", space="image")
