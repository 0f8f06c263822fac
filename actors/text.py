"""Hosts a text embedding model."""

from __future__ import annotations

from collections.abc import Sequence

from actors.host import Host
from medley.models.base import ModelSpec, TextEncoder, Vectors, load_model


class TextActor(Host):
    """Loads and warms up once, encodes many: one batch at a time."""

    def __init__(self, spec: ModelSpec, threads: int) -> None:
        self._model: TextEncoder = load_model(spec, threads=threads)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (len(texts), dim)."""
        with self.timed(f"{len(texts)} texts encoded"):
            return self._model.encode_texts(texts)
