"""What a decoded frame looks like: near-duplicate, blank, blurred, or the first of another shot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: A frame is compared as 32 x 32 cells: a changed line of text on a slide still moves a cell or two.
_CELLS = (32, 32)
_COARSE_PX, _SMALL_PX = (160, 90), (320, 180)
#: A blank frame (a fade, a lens cap, an empty slide) has no more than this between its darkest and brightest parts.
_BLANK_LEVELS = 12.0
#: Second differences between neighbouring pixels: a sharp edge makes 20 and more, a lens out of focus under 5.
_BLURRED_LEVELS = 8.0
#: Mean difference of the cells from which on a frame belongs to another shot: the measure of well-known detectors
#: (PySceneDetect's content detector cuts at 27 between neighbouring frames) on frames a second apart.
_CUT_LEVELS = 12.0
_MAYBE_LEVELS = 6.0


class FrameStats:
    """One of our JPEGs. `cells` is a 32 x 32 x 3 picture, int16; the rest is found out when it is asked for."""

    def __init__(self, path: Path) -> None:
        with Image.open(path, formats=["JPEG"]) as image:
            self._picture = image.convert("RGB")
        self.cells = np.asarray(self._picture.resize(_CELLS, Image.Resampling.BOX), np.int16)

    @property
    def blank(self) -> bool:
        """Whether nothing is on it."""
        coarse = np.asarray(self._picture.resize(_COARSE_PX, Image.Resampling.BOX), np.float32)
        return float(np.ptp(coarse, axis=(0, 1)).max()) < _BLANK_LEVELS

    @property
    def blurred(self) -> bool:
        """Whether something is on it, and none of its edges is sharp."""
        return not self.blank and _sharpness(self._picture) < _BLURRED_LEVELS

    def differs(self, other: FrameStats) -> float:
        """Returns the largest difference of any cell between two frames, 0 to 255."""
        return float(np.abs(self.cells - other.cells).max())

    def cuts(self, other: FrameStats) -> bool:
        """Says whether two frames belong to different shots."""
        return float(np.abs(self.cells - other.cells).mean()) >= _CUT_LEVELS

    def may_cut(self, other: FrameStats) -> bool:
        """Says whether there may be another shot between them: if not, nothing between them has to be looked at."""
        return float(np.abs(self.cells - other.cells).mean()) >= _MAYBE_LEVELS


class Looks:
    """The frames of a video so far; two that differ nowhere by `threshold` look the same."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._means = np.empty((0, 3), np.float32)
        self._seen: list[tuple[NDArray[np.int16], str]] = []

    def first_like(self, look: FrameStats, name: str) -> str:
        """Returns the name of the first frame that looks the same, else adds this one under `name`."""
        mean = look.cells.mean(axis=(0, 1), dtype=np.float32)
        for at in np.flatnonzero((np.abs(self._means - mean) < self._threshold).all(axis=1)):
            cells, earlier = self._seen[at]
            if np.abs(cells - look.cells).max() < self._threshold:
                return earlier
        self._means = np.vstack([self._means, mean])
        self._seen.append((look.cells, name))
        return name


def _sharpness(image: Image.Image) -> float:
    """The strongest edges: the Laplacian of each channel, nearly the largest of it (the very largest is noise)."""
    picture = np.asarray(image.resize(_SMALL_PX, Image.Resampling.BILINEAR), np.float32)
    middle = picture[1:-1, 1:-1]
    around = picture[:-2, 1:-1] + picture[2:, 1:-1] + picture[1:-1, :-2] + picture[1:-1, 2:]
    return float(np.percentile(np.abs(4 * middle - around), 99.9, axis=(0, 1)).max())
