"""The stages of each DAG and their fingerprints, computable without running anything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from medley.models.base import Kind, ModelSpec
from medley.models.profiles import Models
from medley.options import Options
from medley.types import Branch, Flow


@dataclass(frozen=True, slots=True)
class Stage:
    """One node of a DAG. Raise `version` when the same input and options give another output than before.

    `transient_for` names the stage that is the only reader of this one's files: they are dropped after the run, and
    the stage counts as done where its reader is. `wanted`: whether a run with those options has this stage at all.
    `needs`: the stream of a file without which there is nothing to do, as `MediaInfo` calls it.
    """

    name: str
    branch: Branch
    version: int
    after: str | None = None
    reads: Callable[[Any], Any] = lambda options: None
    model: Kind | None = None
    transient_for: str | None = None
    writes: bool = False
    wanted: Callable[[Any], bool] = lambda options: True
    needs: Literal["audio_stream", "video_stream"] | None = None


def _captions(of: str) -> tuple[Stage, ...]:
    """What is said about the pictures that the stage `of` has found."""
    stages = (
        Stage("caption", "captions", 1, of, lambda o: o.captions.model_dump(exclude={"model"}), "caption"),
        Stage("embed_captions", "captions", 1, "caption", model="text"),
        Stage("write_captions", "captions", 1, "embed_captions", writes=True),
    )
    return tuple(replace(stage, wanted=lambda o: o.captions.model is not None) for stage in stages)


def _words(of: str) -> tuple[Stage, ...]:
    """What is written on the pictures of the stage `of`."""
    stages = (
        Stage("ocr", "words", 2, of, model="ocr"),
        Stage("chunk", "words", 1, "ocr", lambda o: o.passages.model_dump(), "text"),
        Stage("embed_text", "words", 1, "chunk", model="text"),
        Stage("write_words", "words", 1, "embed_text", writes=True),
    )
    return tuple(replace(stage, wanted=lambda o: o.pictures.ocr) for stage in stages)


def _speech() -> tuple[Stage, ...]:
    """What is said in a video."""
    stages = (
        Stage("extract_audio", "speech", 4, None, lambda o: o.speech.track, transient_for="transcribe"),
        Stage("transcribe", "speech", 2, "extract_audio", lambda o: o.speech.model_dump(exclude={"track"}), "speech"),
        Stage("chunk", "speech", 1, "transcribe", lambda o: o.chunks.model_dump()),
        Stage("embed_text", "speech", 1, "chunk", model="text"),
        Stage("write_speech", "speech", 1, "embed_text", writes=True),
    )
    return tuple(replace(stage, needs="audio_stream") for stage in stages)


def _frames() -> tuple[Stage, ...]:
    """What is to be seen in it."""
    stages = (
        Stage("sample_frames", "frames", 3, None, lambda o: o.frames.model_dump()),
        Stage("embed_frames", "frames", 1, "sample_frames", model="vision"),
        Stage("write_frames", "frames", 1, "embed_frames", writes=True),
    )
    return tuple(replace(stage, needs="video_stream") for stage in stages)


DAGS: dict[Flow, tuple[Stage, ...]] = {
    "video": (*_speech(), *_frames()),
    "pdf": (
        Stage("parse", "pages", 4, None, lambda o: o.pages.model_dump(exclude={"password"})),
        Stage("ocr", "pages", 3, "parse", model="ocr"),
        # a passage is so many tokens of the model that reads it
        Stage("chunk", "pages", 1, "ocr", lambda o: o.passages.model_dump(), model="text"),
        Stage("embed_text", "pages", 1, "chunk", model="text"),
        Stage("write_pages", "pages", 1, "embed_text", writes=True),
        Stage("page_images", "images", 3, None, lambda o: [o.pages.dpi, o.figures.model_dump()]),
        Stage("embed_images", "images", 1, "page_images", model="vision"),
        Stage("write_images", "images", 1, "embed_images", writes=True),
        *_captions("page_images"),
    ),
    "image": (
        Stage("load_images", "images", 3, None, lambda o: o.pictures.model_dump(exclude={"ocr"})),
        Stage("embed_images", "images", 1, "load_images", model="vision"),
        Stage("write_images", "images", 1, "embed_images", writes=True),
        *_captions("load_images"),
        *_words("load_images"),
    ),
}
_BY_NAME: dict[str, dict[str, Stage]] = {flow: {stage.name: stage for stage in dag} for flow, dag in DAGS.items()}
#: The stages that write, whatever the flow: their names follow from their branches.
WRITE_STAGES: dict[str, Branch] = {stage.name: stage.branch for dag in DAGS.values() for stage in dag if stage.writes}


def stage_of(flow: str, name: str) -> Stage | None:
    """The stage of that name in a flow's DAG; None where there is none (`identify` is no stage)."""
    return _BY_NAME[flow].get(name)


def dag(flow: Flow, options: Options) -> list[Stage]:
    """The stages of a run with those options, in their order."""
    return [stage for stage in DAGS[flow] if stage.wanted(options)]


def branches_without(flow: Flow, failed: Iterable[str]) -> set[Branch]:
    """The branches that end there or further up where those stages have failed."""
    gone = set(failed)
    for stage in DAGS[flow]:  # each comes after the one that it reads
        if stage.after in gone:
            gone.add(stage.name)
    return {stage.branch for stage in DAGS[flow] if stage.name in gone}


def fingerprints(flow: Flow, options: Options, models: Models) -> dict[str, str]:
    """Fingerprint of each stage, 32 hex digits, in the order of the DAG."""
    known: dict[str, str] = {}
    for stage in dag(flow, options):
        model: str | None = getattr(models, stage.model).fingerprint if stage.model else None
        after = known[stage.after] if stage.after else None
        content = [stage.name, stage.version, model, stage.reads(options), after]
        known[stage.name] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
    return known


def models_read(flow: Flow, options: Options, models: Models) -> list[ModelSpec]:
    """The models that a run's stages ask, in the order of the DAG."""
    kinds = dict.fromkeys(stage.model for stage in dag(flow, options) if stage.model)
    return [getattr(models, kind) for kind in kinds]


def write_stage(branch: Branch) -> str:
    """Name of the stage that writes a branch's records."""
    return next(name for name, of in WRITE_STAGES.items() if of == branch)


def plan_fingerprint(known: dict[str, str]) -> str:
    """Stands for all that a run would do to an asset: the key under which an outcome is remembered."""
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:32]
