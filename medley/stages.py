"""The stages of each DAG and their fingerprints, computable without running anything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from medley.models.base import Kind
from medley.models.profiles import Models
from medley.options import VideoOptions
from medley.types import Branch


@dataclass(frozen=True, slots=True)
class Stage:
    """One node of a DAG. Raise `version` when the same input and options give another output than before.

    `transient_for` names the stage that is the only reader of this one's files: they are dropped after the run, and
    the stage counts as done where its reader is.
    """

    name: str
    branch: Branch
    version: int
    after: str | None = None
    reads: Callable[[VideoOptions], Any] = lambda options: None
    model: Kind | None = None
    transient_for: str | None = None
    writes: bool = False


VIDEO_STAGES: tuple[Stage, ...] = (
    Stage("extract_audio", "speech", 2, None, lambda o: o.speech.track, transient_for="transcribe"),
    Stage("transcribe", "speech", 2, "extract_audio", lambda o: o.speech.model_dump(exclude={"track"}), "speech"),
    Stage("chunk", "speech", 1, "transcribe", lambda o: o.chunks.model_dump()),
    Stage("embed_text", "speech", 1, "chunk", model="text"),
    Stage("write_speech", "speech", 1, "embed_text", writes=True),
    Stage("sample_frames", "frames", 2, None, lambda o: o.frames.model_dump()),
    Stage("embed_frames", "frames", 1, "sample_frames", model="vision"),
    Stage("write_frames", "frames", 1, "embed_frames", writes=True),
)
STAGES: dict[str, Stage] = {stage.name: stage for stage in VIDEO_STAGES}


def fingerprints(options: VideoOptions, models: Models) -> dict[str, str]:
    """Fingerprint of each stage, 32 hex digits, in the order of `VIDEO_STAGES`."""
    known: dict[str, str] = {}
    for stage in VIDEO_STAGES:
        model: str | None = getattr(models, stage.model).fingerprint if stage.model else None
        after = known[stage.after] if stage.after else None
        content = [stage.name, stage.version, model, stage.reads(options), after]
        known[stage.name] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
    return known


def branch_stages(branch: Branch) -> tuple[Stage, ...]:
    """The chain of a branch, first to last; the last one writes."""
    return tuple(stage for stage in VIDEO_STAGES if stage.branch == branch)


def plan_fingerprint(known: dict[str, str]) -> str:
    """Stands for all that a run would do to an asset: the key under which an outcome is remembered."""
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:32]
