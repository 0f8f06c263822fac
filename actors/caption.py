"""Hosts a vision-language model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from actors.host import Host
from medley.errors import BadInput
from medley.models.base import CaptionModel, ModelSpec, load_model


class CaptionActor(Host):
    """Loads once, describes many: one batch at a time."""

    def __init__(self, spec: ModelSpec, threads: int) -> None:
        self._model: CaptionModel = load_model(spec, threads=threads)

    def describe(self, paths: Sequence[Path], prompt: str, max_tokens: int) -> list[str | BadInput]:
        """What there is to say about each JPEG of ours; see `CaptionModel`."""
        with self.timed(f"{len(paths)} pictures described"):
            return self._model.describe(paths, prompt, max_tokens)
