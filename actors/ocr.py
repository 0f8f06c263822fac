"""Hosts an OCR model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from actors.host import Host
from medley.media.layout import Line
from medley.models.base import ModelSpec, OcrModel, load_model
from medley.system.stop import raise_if_stopped


class OcrActor(Host):
    """Loads once, reads many: one picture at a time."""

    def __init__(self, spec: ModelSpec, threads: int) -> None:
        self._model: OcrModel = load_model(spec, threads=threads)

    def read_images(self, paths: Sequence[Path]) -> list[list[Line]]:
        """Reads the lines of text of each JPEG that Medley made, with boxes in the JPEG's pixels."""
        found = []
        for path in paths:
            raise_if_stopped()
            with self.timed("1 page read"):
                found += self._model.read([path])
        return found
