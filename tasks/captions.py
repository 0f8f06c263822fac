"""The branch of what a vision-language model says about pictures, figures and shots: captions, vectors, records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from medley.artifacts import Draft
from medley.dag.parts import embed_texts, write_records
from medley.dag.stage import batch_stage
from medley.errors import BadInput
from medley.media import frames as pictures
from medley.models.base import Shown
from medley.options import CaptionOptions
from medley.records import load_rows, save_rows
from medley.run import TaskContext
from medley.transcript import TRANSCRIPT, read_segments
from medley.types import ArtifactRef, Frame, Row, Segment
from tasks.frames import frame_row
from tasks.images import picture_rows

Todo = Sequence[tuple[ArtifactRef, Draft]]
#: A row, the name of its JPEG, and what is to be known of it besides.
Look = tuple[Row, str, str]
_AROUND_S, _MOST_LETTERS = 3.0, 600
_CAPTIONS = "captions.json"


def _asks(takes: str | tuple[str, ...]) -> dict[str, Any]:
    """The facts of a stage that asks for captions."""
    return {
        "branch": "captions",
        "reads": lambda o: o.captions.model_dump(exclude={"model", "words"}),
        "model": "caption",
        "takes": takes,
        "makes": "captions",
        "num_cpus": 0.1,
    }


@batch_stage(**_asks("pictures"))
def caption(todo: Todo, context: TaskContext) -> None:
    """Writes a caption of a sentence or two about each picture."""
    _describe(todo, [_alone(picture_rows(Path(source.directory))) for source, _ in todo], context)


@batch_stage(**_asks("frames"))
def caption_shots(todo: Todo, context: TaskContext) -> None:
    """Writes a caption of a sentence or two about a frame of each shot."""
    _describe(todo, [_alone(_shot_rows(Path(source.directory))) for source, _ in todo], context)


@batch_stage(**_asks(("frames", "transcript", "subtitles")), optional=("transcript", "subtitles"))
def caption_shots_in_words(todo: Sequence[tuple[Any, ...]], context: TaskContext) -> None:
    """Writes a caption about a frame of each shot, knowing what is said meanwhile."""
    shown = []
    for frames, *told, _ in todo:
        said = [one for source in told if source for one in _main_track(Path(source.directory))]
        shown.append([(row, name, _around(row, said)) for row, name in _shot_rows(Path(frames.directory))])
    _describe([(frames, draft) for frames, *_, draft in todo], shown, context)


def _alone(rows: Sequence[tuple[Row, str]]) -> list[Look]:
    return [(row, name, "") for row, name in rows]


def _main_track(directory: Path) -> list[Segment]:
    segments = read_segments(directory / TRANSCRIPT)
    return [one for one in segments if one.track == segments[0].track]


def _around(row: Row, said: Sequence[Segment]) -> str:
    """What is said during a shot, and a little before and after; "" where nobody speaks."""
    begin_s, end_s = (row.start_ms or 0) / 1000 - _AROUND_S, (row.end_ms or 0) / 1000 + _AROUND_S
    words = " ".join(one.text for one in said if one.start_s < end_s and one.end_s > begin_s)[:_MOST_LETTERS]
    return f"Meanwhile somebody says: {words}" if words else ""


def _shot_rows(directory: Path) -> list[tuple[Row, str]]:
    """Each shot with the frame that shows it best."""
    frames, track = pictures.read_frames(directory), pictures.track_of(directory)
    found = ((shot, best_of(frames, shot)) for shot in pictures.shots_of(directory))
    return [(frame_row(shot, track), frame.image) for shot, frame in found if frame is not None]


def best_of(frames: Sequence[Frame], shot: tuple[float, float]) -> Frame | None:
    """Chooses the frame of a shot: sharp rather than blurred, near its middle; None where all are blank."""
    begin_s, end_s = shot
    there = [frame for frame in frames if begin_s <= frame.time_s < end_s and not frame.blank]
    middle_s = (begin_s + end_s) / 2
    return min(there, key=lambda frame: (frame.blurred, abs(frame.time_s - middle_s)), default=None)


def _describe(todo: Todo, shown: Sequence[list[Look]], context: TaskContext) -> None:
    paths: list[Shown] = []
    for (source, _), rows in zip(todo, shown, strict=True):
        known = ((Path(source.directory, name), besides) for _, name, besides in rows)
        paths += [(path, besides) if besides else path for path, besides in known]
    options: CaptionOptions = context.options.captions
    model = context.model("caption") if paths else None
    said = iter(model.call("describe", paths, options.prompt, options.max_tokens) if model else ())
    for (source, draft), rows in zip(todo, shown, strict=True):
        within = Path(source.directory).relative_to(context.artifacts)
        captions: list[Row] = []
        for (row, name, _), words in zip(rows, said, strict=False):
            if isinstance(words, BadInput):
                draft.error = draft.error or words
                continue
            draft.data["tokens"] = draft.data.get("tokens", 0) + getattr(words, "tokens", 0)
            if words:
                captions.append(replace(row, modality="caption", text=str(words), thumbnail=str(within / name)))
        save_rows(draft.directory / _CAPTIONS, captions)


def _rows(directory: Path) -> list[Row]:
    return load_rows(directory / _CAPTIONS)


embed_captions = embed_texts("embed_captions", branch="captions", rows=_rows, takes="captions")
write_captions = write_records("write_captions", branch="captions", modalities="caption")
