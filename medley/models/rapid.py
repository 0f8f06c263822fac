"""Text on pictures: PP-OCR by RapidOCR (Apache 2.0), whose package carries the weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rapidocr import RapidOCR

from medley.media.layout import Line
from medley.models.base import ModelSpec
from medley.models.locate import locate

_SURE = 0.5


class RapidOcr:
    """An `OcrModel`."""

    def __init__(self, spec: ModelSpec, threads: int) -> None:
        locate(spec)
        self._engine = RapidOCR(
            params={
                "Global.log_level": "error",
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def read(self, paths: Sequence[Path]) -> list[list[Line]]:
        """See `OcrModel`."""
        return [self._read(path) for path in paths]

    def _read(self, path: Path) -> list[Line]:
        found: Any = self._engine(str(path))
        if found.boxes is None:
            return []
        lines = zip(found.boxes, found.txts, found.scores, strict=True)
        return [_line(corners, text) for corners, text, score in lines if score >= _SURE and text.strip()]


def _line(corners: Sequence[Sequence[float]], text: str) -> Line:
    across, down = zip(*((float(x), float(y)) for x, y in corners), strict=True)
    return Line(" ".join(text.split()), (min(across), min(down), max(across), max(down)))


def load(spec: ModelSpec, *, threads: int) -> RapidOcr:
    """See `medley.models.base.load_model`."""
    return RapidOcr(spec, threads)
