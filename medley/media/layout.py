"""From lines on a page to paragraphs in the order in which people read them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

Box = tuple[float, float, float, float]

_GUTTER_PT = 6.0
_COLUMN_LINES = 3
_PROSE_LETTERS = 12  # lines of a column are longer than the cells of most tables
_CROSSING = 0.25


@dataclass(frozen=True, slots=True)
class Line:
    """Words in one row; `box` in points from the top left. `hyphen`: its last word goes on in the next line."""

    text: str
    box: Box
    hyphen: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph: its lines, in order."""

    lines: tuple[Line, ...]

    @property
    def box(self) -> Box:
        """Around all its lines."""
        return union([line.box for line in self.lines])

    @property
    def text(self) -> str:
        """Its words in one line."""
        return "".join(line.text + ("" if line.hyphen else " ") for line in self.lines).rstrip()


def union(boxes: Sequence[Box]) -> Box:
    """The box around all of them."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def reading_order(lines: Sequence[Line]) -> list[Block]:
    """Paragraphs of a page: columns as its script is read, what spans them in its place.

    A gutter is a vertical strip with prose on both sides; lines that cross it (titles, wide captions) part the page
    into bands, and each band is read column by column.
    """
    if not _right_to_left(lines):
        return _left_to_right(list(lines))
    return [Block(tuple(map(_mirrored, block.lines))) for block in _left_to_right([_mirrored(line) for line in lines])]


def _left_to_right(lines: list[Line]) -> list[Block]:
    return [block for column in _columns(lines) for block in _paragraphs(column)]


def _right_to_left(lines: Sequence[Line]) -> bool:
    """Whether most letters are Hebrew, Arabic or their like."""
    kinds = Counter(unicodedata.bidirectional(letter) for line in lines for letter in line.text)
    return kinds["R"] + kinds["AL"] > kinds["L"]


def _mirrored(line: Line) -> Line:
    """On a page seen from behind."""
    x0, y0, x1, y1 = line.box
    return replace(line, box=(-x1, y0, -x0, y1))


def _columns(lines: list[Line]) -> list[list[Line]]:
    at = _gutter(lines)
    if at is None:
        return [_rows(lines)] if lines else []
    found: list[list[Line]] = []
    band: list[Line] = []
    crossing = sorted((line for line in lines if line.box[0] < at < line.box[2]), key=lambda line: line.box[1])
    beside = [line for line in lines if not line.box[0] < at < line.box[2]]
    for wide in crossing:
        band = [line for line in beside if _middle(line) < _middle(wide)]
        beside = [line for line in beside if _middle(line) >= _middle(wide)]
        found += [*_band(band, at), [wide]]
    return found + _band(beside, at)


def _band(lines: list[Line], at: float) -> list[list[Line]]:
    left = [line for line in lines if line.box[2] <= at]
    right = [line for line in lines if line.box[2] > at]
    return [*_columns(left), *_columns(right)]


def _gutter(lines: list[Line]) -> float | None:
    """Where the page parts into columns: crossed by few lines, with prose on both sides that stands side by side."""
    best: tuple[int, float, float] | None = None
    for at in sorted({line.box[2] for line in lines}):
        left = [line for line in lines if line.box[2] <= at]
        right = [line for line in lines if line.box[0] >= at]
        crossing = len(lines) - len(left) - len(right)
        if not right or crossing > _CROSSING * len(lines):
            continue
        gap = min(line.box[0] for line in right) - at
        if gap >= _GUTTER_PT and _are_columns(left, right):
            found = (crossing, -gap, at + gap / 2)
            best = found if best is None else min(best, found)
    return best[2] if best else None


def _are_columns(left: list[Line], right: list[Line]) -> bool:
    if min(len(left), len(right)) < _COLUMN_LINES:
        return False
    if min(median(len(line.text) for line in side) for side in (left, right)) < _PROSE_LETTERS:
        return False
    top, bottom = max(_top(left), _top(right)), min(_bottom(left), _bottom(right))
    return bottom - top > 0.3 * min(_bottom(left) - _top(left), _bottom(right) - _top(right))


def _rows(lines: list[Line]) -> list[Line]:
    """From top to bottom; what stands in one row from left to right."""
    ordered: list[Line] = []
    row: list[Line] = []
    for line in sorted(lines, key=_middle):
        if row and _middle(line) - _middle(row[0]) > 0.5 * min(_height(line), _height(row[0])):
            ordered += sorted(row, key=lambda known: known.box[0])
            row = []
        row.append(line)
    return ordered + sorted(row, key=lambda known: known.box[0])


def _paragraphs(lines: list[Line]) -> list[Block]:
    """Lines one below the other without a wide gap, of about one size."""
    found: list[list[Line]] = []
    for line in lines:
        if found and _goes_on(found[-1][-1], line):
            found[-1].append(line)
        else:
            found.append([line])
    return [Block(tuple(block)) for block in found]


def _goes_on(before: Line, line: Line) -> bool:
    gap = line.box[1] - before.box[3]
    height = max(_height(before), _height(line))
    alike = min(_height(before), _height(line)) > 0.5 * height
    beside = min(before.box[2], line.box[2]) > max(before.box[0], line.box[0])
    return alike and gap < 0.9 * height and (beside or gap < 0)


def _middle(line: Line) -> float:
    return (line.box[1] + line.box[3]) / 2


def _height(line: Line) -> float:
    return line.box[3] - line.box[1]


def _top(lines: list[Line]) -> float:
    return min(line.box[1] for line in lines)


def _bottom(lines: list[Line]) -> float:
    return max(line.box[3] for line in lines)
