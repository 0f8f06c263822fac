"""From lines on a page to paragraphs in the order in which people read them."""

from __future__ import annotations

import heapq
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

Box = tuple[float, float, float, float]

_GUTTER_PT = 6.0
_COLUMN_LINES = 3
_PROSE_LETTERS = 12  # lines of a column are longer than the cells of most tables
_CROSSING = 0.25
_PLACES = 8  # for a gutter
_OF_A_TABLE = 0.7  # of the cells beside a column of a table stand in its rows
_DEEPEST = 24  # gutters within each other's columns: a page of more is no prose


@dataclass(frozen=True, slots=True)
class Line:
    """Words in one row; `box` in points from the top left. `hyphen`: its last word goes on in the next line.

    `turn`: the way in which it runs, in degrees counter-clockwise: 0, 90 (upwards), 180 or 270. `pieces`: what of it
    stands apart. `cells`: it is a row of a table.
    """

    text: str
    box: Box
    hyphen: bool = False
    turn: int = 0
    pieces: tuple[Line, ...] = ()
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph: its lines, in order; or a table: its rows."""

    lines: tuple[Line, ...]

    @property
    def box(self) -> Box:
        """Around all its lines."""
        return union([line.box for line in self.lines])

    @property
    def text(self) -> str:
        """Its words in one line; of a table, a line for each row."""
        return "".join(line.text + after(line) for line in self.lines).rstrip()

    @property
    def cells(self) -> tuple[tuple[str, ...], ...]:
        """The cells of a table, row by row; nothing where it is none."""
        rows = tuple(line.cells for line in self.lines)
        return rows if all(rows) else ()


def plain(line: Line) -> dict[str, Any]:
    """Turns a line into what is written of it."""
    known = {"text": line.text, "box": line.box, "hyphen": line.hyphen, "turn": line.turn}
    return {**known, "cells": line.cells} if line.cells else known


def after(line: Line) -> str:
    """Returns what stands between a line and the next one of its block."""
    return "" if line.hyphen else "\n" if line.cells else " "


def union(boxes: Sequence[Box]) -> Box:
    """Returns the box around all of `boxes`."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


#: Takes the lines of a column; returns them with those of tables as blocks in their place.
FindTables = Callable[[Sequence[Line]], Sequence["Line | Block"]]


def reading_order(
    lines: Sequence[Line], tables: Sequence[Block] = (), find_tables: FindTables | None = None
) -> list[Block]:
    """Paragraphs of a page: columns as its script is read, what spans them in its place; `tables` among them.

    A gutter is a vertical strip with prose on both sides; lines that cross it (titles, wide captions) part the page
    into bands, and each band is read column by column. Text that runs another way is read by itself, as if the page
    were turned; what most of the page is made of comes first.
    """
    places = {table.box: table for table in tables}
    lines = [*lines, *(Line(table.text, table.box, cells=("",)) for table in tables)]
    ways = Counter(line.turn for line in lines for _ in line.text)
    found: list[Block] = []
    for turn, _ in ways.most_common():
        upright = [_turned(line, turn) for line in lines if line.turn == turn]
        blocks = _upright(upright, find_tables)
        found += [Block(tuple(_turned(line, -turn) for line in block.lines)) for block in blocks]
    return [places[block.box] if block.lines[0].cells == ("",) else block for block in found]


def _upright(lines: Sequence[Line], find_tables: FindTables | None) -> list[Block]:
    if not _right_to_left(lines):
        return _left_to_right(list(lines), find_tables)
    mirrored = _left_to_right([_mirrored(line) for line in lines], find_tables)
    return [Block(tuple(map(_mirrored, block.lines))) for block in mirrored]


def _turned(line: Line, degrees: int) -> Line:
    """On a page that is turned clockwise about its top left corner, so that text with that turn stands upright."""
    x0, y0, x1, y1 = line.box
    corners = {90: (-y1, x0, -y0, x1), 180: (-x1, -y1, -x0, -y0), 270: (y0, -x1, y1, -x0)}
    pieces = tuple(_turned(piece, degrees) for piece in line.pieces)
    return replace(line, box=corners.get(degrees % 360, line.box), pieces=pieces)


def _left_to_right(lines: list[Line], find_tables: FindTables | None) -> list[Block]:
    found: list[Block] = []
    for column in _columns(lines, _DEEPEST):
        text: list[Line] = []
        for part in find_tables(column) if find_tables else column:
            if isinstance(part, Line):
                text.append(part)
            else:
                found += [*_paragraphs(text), part]
                text = []
        found += _paragraphs(text)
    return found


def _right_to_left(lines: Sequence[Line]) -> bool:
    """Whether most letters are Hebrew, Arabic or their like."""
    kinds = Counter(unicodedata.bidirectional(letter) for line in lines for letter in line.text)
    return kinds["R"] + kinds["AL"] > kinds["L"]


def _mirrored(line: Line) -> Line:
    """On a page seen from behind."""
    x0, y0, x1, y1 = line.box
    return replace(line, box=(-x1, y0, -x0, y1), pieces=tuple(map(_mirrored, line.pieces)))


def _columns(lines: list[Line], deepest: int) -> list[list[Line]]:
    at = _gutter(lines) if deepest else None
    if at is None:
        return [[line for row in in_rows(lines) for line in row]] if lines else []
    found: list[list[Line]] = []
    crossing = sorted((line for line in lines if line.box[0] < at < line.box[2]), key=_middle)
    beside = sorted((line for line in lines if not line.box[0] < at < line.box[2]), key=_middle)
    begin = 0
    for wide in crossing:
        end = bisect_left(beside, _middle(wide), lo=begin, key=_middle)
        found += [*_band(beside[begin:end], at, deepest - 1), [wide]]
        begin = end
    return found + _band(beside[begin:], at, deepest - 1)


def _band(lines: list[Line], at: float, deepest: int) -> list[list[Line]]:
    left = [line for line in lines if line.box[2] <= at]
    right = [line for line in lines if line.box[2] > at]
    return [*_columns(left, deepest), *_columns(right, deepest)]


def _gutter(lines: list[Line]) -> float | None:
    """Where the page parts into columns: crossed by few lines, with prose on both sides that stands side by side.

    A page number or a rule may stand in it. Only the few best places are looked at closely.
    """
    ends, begins = sorted(line.box[2] for line in lines), sorted(line.box[0] for line in lines)
    places: list[tuple[int, float, float]] = []
    for n, at in enumerate(ends, 1):
        first_right = bisect_left(begins, at + _GUTTER_PT)
        crossing = len(lines) - n - (len(lines) - first_right)
        if first_right < len(lines) and (n == len(ends) or ends[n] > at) and crossing <= _CROSSING * len(lines):
            places.append((crossing, at - begins[first_right], at))
    for _, gap, at in heapq.nsmallest(_PLACES, places):
        left = [line for line in lines if line.box[2] <= at]
        right = [line for line in lines if line.box[0] >= at + _GUTTER_PT]
        clear = len(left) + len(right) == len(lines)
        if _are_columns(left, right) or (clear and (_is_aside(left, right) or _is_aside(right, left))):
            return at - gap / 2
    return None


def _are_columns(left: list[Line], right: list[Line]) -> bool:
    """By their prose: a sidebar or a small table beside or within a column changes nothing."""
    left, right = (list(filter(_is_prose, side)) for side in (left, right))
    if min(len(left), len(right)) < _COLUMN_LINES:
        return False
    top, bottom = max(_top(left), _top(right)), min(_bottom(left), _bottom(right))
    return bottom - top > 0.3 * min(_bottom(left) - _top(left), _bottom(right) - _top(right))


def _is_prose(line: Line) -> bool:
    """Whether a line is of a text: cells of tables are shorter, or numbers."""
    return len(line.text) >= _PROSE_LETTERS and 2 * sum(map(str.isalpha, line.text)) > len(line.text)


def _is_aside(prose: list[Line], aside: list[Line]) -> bool:
    """Whether `aside` is a sidebar beside prose: cells of a table would stand in the rows of its lines."""
    if len(aside) < _COLUMN_LINES or 2 * sum(len(line.text) >= _PROSE_LETTERS for line in prose) < len(prose):
        return False
    if len(prose) < _COLUMN_LINES or min(_bottom(prose), _bottom(aside)) <= max(_top(prose), _top(aside)):
        return False
    rows = sorted(_middle(line) for line in prose)
    in_a_row = 0
    for line in aside:
        near = bisect_left(rows, _middle(line) - 0.25 * _height(line))
        in_a_row += near < len(rows) and rows[near] <= _middle(line) + 0.25 * _height(line)
    return in_a_row < _OF_A_TABLE * len(aside)


def in_rows(lines: Sequence[Line]) -> list[list[Line]]:
    """Parts lines into rows, from top to bottom; what stands in one row from left to right."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=_middle):
        if rows and _is_in_row(rows[-1], line):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda known: known.box[0]) for row in rows]


def _is_in_row(row: Sequence[Line], line: Line) -> bool:
    """By their middles; a mark without letters (a dash, stars) stands anywhere between top and bottom of its row."""
    known = next((other for other in row if _has_letters(other)), row[0])
    if _has_letters(line) and _has_letters(known):
        return _middle(line) - _middle(known) <= 0.5 * min(_height(line), _height(known))
    shared = min(line.box[3], known.box[3]) - max(line.box[1], known.box[1])
    return shared >= 0.5 * min(_height(line), _height(known))


def _has_letters(line: Line) -> bool:
    return any(map(str.isalnum, line.text))


def _paragraphs(lines: list[Line]) -> list[Block]:
    """Lines one below the other without a wide gap, of about one size; a word that goes on is never parted."""
    found: list[list[Line]] = []
    row: Line | None = None
    for line in lines:
        if row is not None and (found[-1][-1].hyphen or _goes_on(row, line)):
            found[-1].append(line)
        else:
            found.append([line])
        beside = row is not None and abs(_middle(line) - _middle(row)) <= 0.5 * min(_height(line), _height(row))
        row = replace(line, box=union([row.box, line.box])) if beside and row is not None else line
    return [Block(tuple(block)) for block in found]


def _goes_on(before: Line, line: Line) -> bool:
    if before.cells or line.cells:
        return False
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
