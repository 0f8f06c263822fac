"""The branch of what is written on the frames of videos: lines with their times, passages, vectors, records."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from medley.artifacts import Draft
from medley.dag.parts import embed_texts, write_records
from medley.dag.stage import stage
from medley.languages import with_languages
from medley.media import frames as pictures
from medley.media.layout import Line
from medley.media.on_screen import Screen, ScreenReader, read_screens, save_screens
from medley.option_values import Ocr
from medley.passages import passages_together
from medley.records import save_rows
from medley.run import TaskContext
from medley.system.stop import raise_if_stopped
from medley.tracks import marks
from medley.types import ArtifactRef, Row
from tasks.pages import PASSAGES, passage_rows
from tasks.publish import publish_screens


def _exported(made: Path) -> dict[str, Any]:
    return {"on_screen": [_plain(screen) for screen in read_screens(made)]}


def _plain(screen: Screen) -> dict[str, Any]:
    lines = [{"text": line.text, "box": list(line.box)} for line in screen.lines]
    track = {"track": screen.track} if screen.track else {}
    return {"start_s": screen.start_s, "end_s": screen.end_s, "text": screen.text, "lines": lines, **track}


@stage(
    branch="screens",
    reads=lambda o: o.frames.ocr,
    model="ocr",
    seldom=True,
    takes="frames",
    makes="screens",
    export=_exported,
    num_cpus=0.1,
)
def read_frames(frames: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Reads what is written on the frames of a video; the same words over minutes are read once."""
    directory = Path(frames.directory)

    @cache  # a slide that comes back has the JPEG that it had
    def read(path: Path) -> list[Line]:
        raise_if_stopped()
        lines: list[Line]
        [lines] = context.model("ocr").call("read_images", [path])  # no actor for videos without letters
        return lines

    reader = ScreenReader(read, every=context.options.frames.ocr is Ocr.ALWAYS)
    reader.look(pictures.sharp_frames(directory))
    screens = reader.screens(pictures.end_of_shots(directory))
    within = directory.relative_to(context.artifacts)
    track = pictures.track_of(directory)
    screens = [replace(screen, image=str(within / screen.image), track=track) for screen in screens]
    save_screens(draft.directory, screens)
    draft.data |= {"screens": len(screens), "frames_read": reader.frames_read}
    publish_screens(frames.asset, screens)


@stage(
    version=2,
    branch="screens",
    reads=lambda o: o.passages.model_dump(),
    model="text",
    takes="screens",
    makes="passages",
    num_cpus=0.1,
)
def chunk_screens(read: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Makes a passage of what stands on a frame at a time, or several of what is too long for the text model."""
    rows: list[Row] = []
    for screen in read_screens(Path(read.directory)):
        begin_ms, end_ms = round(screen.start_s * 1000), round(screen.end_s * 1000)
        for part in passages_together(context.models.text, screen.lines, context.options.passages):
            row = Row("ocr", part.text, begin_ms, end_ms, box=part.box, thumbnail=screen.image)
            rows.append(replace(row, part=screen.track, marks=marks(screen.track)))
    save_rows(draft.directory / PASSAGES, with_languages(rows))


embed_screens = embed_texts("embed_screens", branch="screens", rows=passage_rows, takes="passages")
write_screens = write_records("write_screens", branch="screens", modalities="ocr")
