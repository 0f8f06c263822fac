"""The pipeline of `bench/overlap.py`: two branches as `video` has them, stages that only simulate work."""

from __future__ import annotations

from typing import Any

from bench.peers.simulated import CLIP_S, DECODE_S, SPEECH_S, TEXT_S, Model, burn
from medley.models.base import ModelSpec
from medley.pipelines import FileOptions, pipeline, stage

HEAD = b"medley-overlap\n"


def load(spec: ModelSpec, *, threads: int) -> Model:
    """What `ModelSpec.loader` asks for."""
    return Model(float(spec.id))


def _model(kind: str, seconds: float) -> ModelSpec:
    return ModelSpec(kind, __name__, str(seconds), "1", "float32")


_SPEECH, _CLIP = _model("simulated-speech", SPEECH_S), _model("simulated-clip", CLIP_S)


@stage(branch="speech")
def decode_sound(source: Any, draft: Any, context: Any) -> None:
    """A CPU, for a while."""
    burn(DECODE_S)


@stage(branch="speech", model=_SPEECH, num_cpus=0.1)
def hear(source: Any, draft: Any, context: Any) -> None:
    """A model, for a while."""
    context.model(_SPEECH).call("work", 1)


@stage(branch="speech")
def embed_words(source: Any, draft: Any, context: Any) -> None:
    """A CPU, for a while."""
    burn(TEXT_S)


@stage(branch="frames")
def decode_frames(source: Any, draft: Any, context: Any) -> None:
    """A CPU, for a while."""
    burn(DECODE_S)


@stage(branch="frames", model=_CLIP, num_cpus=0.1)
def see(source: Any, draft: Any, context: Any) -> None:
    """A model, for a while."""
    context.model(_CLIP).call("work", 1)


def _is_ours(head: bytes, name: str) -> str | None:
    return "application/x-medley-overlap" if head.startswith(HEAD) else None


@pipeline(options=FileOptions, media=("application/x-medley-overlap",), sniff=_is_ours)
def overlap(assets: Any, options: Any) -> None:
    """Burns and sleeps in two branches."""
    embed_words(hear(decode_sound(assets)))
    see(decode_frames(assets))
