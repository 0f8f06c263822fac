"""Where letters may be on a frame, told from its pixels alone: cheap enough to ask of every frame, and never sure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medley.media.layout import Box

Cells = NDArray[np.bool_]
CELL_PX = 16
_HALF_PX = CELL_PX // 2
_EDGE_LEVELS = 16  # between neighbouring pixels: pale grey letters on white, through a video's compression
_WINDOW = 4  # cells: a short word
#: Bright and dark strokes that begin in a row of a window, on copies of the frame that are so many times smaller: the
#: outline of a thing makes one or two. On the smallest copies things stand beside each other.
_STROKES = {1: 2.5, 2: 2.5, 4: 3.0, 8: 3.5}
_SAME_LEVELS = 12  # compression changes the mean of half a cell by less, another letter by more
_MIXED = 0.1  # of a mixture of two frames that neither of them explains, at most; its share of each, at least


class Lettering:
    """One JPEG of ours as cells of 16 x 16 pixels: `cells` says of each whether letters may be there."""

    def __init__(self, path: Path) -> None:
        with Image.open(path, formats=["JPEG"]) as image:
            grey = image.convert("L")
        columns, rows = -(-grey.width // CELL_PX), -(-grey.height // CELL_PX)
        self.cells: Cells = np.zeros((rows, columns), np.bool_)
        for scale, strokes in _STROKES.items():
            small = np.asarray(grey if scale == 1 else grey.reduce(scale))
            if small.shape[0] >= _HALF_PX and small.shape[1] > CELL_PX * _WINDOW:
                _add(self.cells, _lettered(small, strokes), scale)
        means = np.asarray(grey.resize((2 * columns, 2 * rows), Image.Resampling.BOX), np.int16)
        self._means = means.reshape(rows, 2, columns, 2)

    def differs(self, other: Lettering) -> Cells:
        """Says of each cell whether two frames differ there; everywhere where they are not of one size."""
        if self._means.shape != other._means.shape:
            return np.ones_like(self.cells)
        far = np.abs(self._means - other._means) > _SAME_LEVELS
        return np.asarray(far.any(axis=(1, 3)), np.bool_)

    def share_between(self, before: Lettering, after: Lettering) -> float:
        """Returns how far a frame is from `before` to `after` in a cross-fade, 0 to 1; 0.0 where it is no such frame.

        In a cross-fade, every place where letters may be is the same mixture of what was and what comes.
        """
        if not self._means.shape == before._means.shape == after._means.shape:
            return 0.0
        there = self.cells | before.cells | after.cells
        was, now, comes = (one._means.swapaxes(1, 2)[there].ravel().astype(float) for one in (before, self, after))
        way = comes - was
        whole = float(way @ way)
        if whole <= _SAME_LEVELS**2 * way.size * _MIXED:  # nothing changes
            return 0.0
        share = float((now - was) @ way) / whole
        left = now - was - share * way
        return share if _MIXED < share < 1 - _MIXED and float(left @ left) < _MIXED * whole else 0.0

    def within(self, boxes: Iterable[Box]) -> Cells:
        """Marks the cells that boxes (in pixels) touch."""
        found = np.zeros_like(self.cells)
        for x0, y0, x1, y1 in boxes:
            found[int(y0) // CELL_PX : int(y1) // CELL_PX + 1, int(x0) // CELL_PX : int(x1) // CELL_PX + 1] = True
        return found


def _lettered(grey: NDArray[np.uint8], least_strokes: float) -> Cells:
    """Cells of 8 rows and 16 columns around which many strokes begin, from dark to bright and from bright to dark."""
    left, right = grey[:, :-1], grey[:, 1:]
    least = 255 - _EDGE_LEVELS
    brighter = _begins(right, np.minimum(left, least) + np.uint8(_EDGE_LEVELS))
    darker = _begins(left, np.minimum(right, least) + np.uint8(_EDGE_LEVELS))
    strokes = np.minimum(brighter, darker).astype(np.float32) / _HALF_PX
    sums = np.cumsum(np.pad(strokes, ((0, 0), (1, 0))), axis=1)
    many = sums[:, _WINDOW:] - sums[:, :-_WINDOW] >= least_strokes
    found = np.zeros(strokes.shape, np.bool_)
    for shift in range(_WINDOW):
        found[:, shift : shift + many.shape[1]] |= many
    return found & (strokes > 0)


def _begins(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """How often `one` becomes larger than `other` in the rows of each cell."""
    larger = one > other
    larger[:, 1:] &= ~larger[:, :-1]
    rows, columns = larger.shape[0] // _HALF_PX, larger.shape[1] // CELL_PX
    bits = np.packbits(larger[: rows * _HALF_PX, : columns * CELL_PX], axis=1)
    counts = np.bitwise_count(bits).reshape(rows, _HALF_PX, columns, CELL_PX // 8)
    found: NDArray[np.uint16] = counts.sum(axis=(1, 3), dtype=np.uint16)
    return found


def _add(cells: Cells, found: Cells, scale: int) -> None:
    """Marks what was found on a copy of the frame that is `scale` times smaller."""
    halves = np.repeat(np.repeat(found, scale, axis=0), scale, axis=1)  # of a cell: the upper one and the lower one
    whole = halves[: halves.shape[0] // 2 * 2]
    same = np.logical_or(whole[::2], whole[1::2])
    rows, columns = min(cells.shape[0], same.shape[0]), min(cells.shape[1], same.shape[1])
    cells[:rows, :columns] |= same[:rows, :columns]
