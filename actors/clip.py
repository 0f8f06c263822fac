"""Hosts a vision model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from actors.host import Host
from medley.models.base import ImageEncoder, ModelSpec, Vectors, load_model


class ClipActor(Host):
    """Loads and warms up once, encodes many: one batch at a time."""

    def __init__(self, spec: ModelSpec, threads: int) -> None:
        self._model: ImageEncoder = load_model(spec, threads=threads)

    def encode_images(self, paths: Sequence[Path]) -> Vectors:
        """Unit vectors of JPEGs of ours, shape (len(paths), dim)."""
        with self.timed(f"{len(paths)} pictures encoded"):
            return self._model.encode_images(paths)
