"""Text on pictures: PP-OCR by RapidOCR (Apache 2.0), whose package carries the weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rapidocr import RapidOCR
from rapidocr.ch_ppocr_det.utils import ResizeImgError as DetectorError
from rapidocr.utils.process_img import ResizeImgError as PictureError

from medley.media.layout import Line
from medley.models.base import ModelSpec
from medley.models.locate import locate

_SURE = 0.5
_DOUBTFUL = 0.8  # the mean of a page that is read the right way up is above 0.95


class _Look(NamedTuple):
    """What was read, and the mean of the scores of its lines."""

    lines: list[Line]
    sure: float


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
        """Reads the lines of text on each JPEG, boxes in pixels; see `OcrModel`."""
        return [self._read(path) for path in paths]

    def _read(self, path: Path) -> list[Line]:
        with Image.open(path, formats=["JPEG"]) as image:
            picture = np.asarray(image.convert("RGB"))[:, :, ::-1]  # in OpenCV's order of colours
        best = self._look(picture, 0)
        if best.lines and best.sure < _DOUBTFUL:  # upside down, or on its side
            best = max([best, *(self._look(picture, turns) for turns in (1, 2, 3))], key=lambda found: found.sure)
        return best.lines

    def _look(self, picture: NDArray[np.uint8], turns: int) -> _Look:
        """Without the package's own classifier of upside-down lines: it turns good ones, and misses half of the bad."""
        try:
            found: Any = self._engine(np.ascontiguousarray(np.rot90(picture, turns)), use_cls=False)
        except (DetectorError, PictureError):  # a strip too thin to hold letters
            return _Look([], 0.0)
        if found.boxes is None:
            return _Look([], 0.0)
        read = list(zip(found.boxes, found.txts, found.scores, strict=True))
        height, width = picture.shape[:2]
        lines = [
            _line([_back(corner, turns, width, height) for corner in corners], text)
            for corners, text, score in read
            if score >= _SURE and text.strip()
        ]
        return _Look(lines, mean(float(score) for *_, score in read))


def _back(corner: Sequence[float], turns: int, width: int, height: int) -> tuple[float, float]:
    """A point of a picture that was turned by quarters to the left, in the picture as it was."""
    x, y = float(corner[0]), float(corner[1])
    return ((x, y), (width - y, x), (width - x, height - y), (y, height - x))[turns]


def _line(corners: Sequence[tuple[float, float]], text: str) -> Line:
    across, down = zip(*corners, strict=True)
    return Line(" ".join(text.split()), (min(across), min(down), max(across), max(down)))


def load(spec: ModelSpec, *, threads: int) -> RapidOcr:
    """Loads RapidOCR with the weights that its package carries; see `medley.models.base.load_model`."""
    return RapidOcr(spec, threads)
