"""Tables on pages: cells between rules, and cells that stand in rows and columns without any."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from medley.media.layout import Block, Box, Line, in_rows, reading_order, union
from medley.media.rules import Grid, Rules, grids_of

_NO_RULES = Rules()
_LABEL = re.compile(r"[(\[]?(\d+|[a-zA-Z]|[ivxIVX]+)[.)\]:]+|[^\w\s]{1,2}")  # of a list
_LEAST_ROWS, _LEAST_COLUMNS = 3, 2
_MOST_ROWS = 120  # looked at in one go
_FILLED = 0.4  # of the cells between rules: the lines of a chart have nothing between them
_HEADED = 2  # rows between rules: a rule below the header, none between the others
_WHOLE = 0.66  # of the lines between two rules: they are rows
_LONGEST_CELL = 1200  # letters: frames around whole columns are no table
_ALIGNED = 0.6  # of the rows of a table without rules have two cells or more
_PROSE, _WORDS = 30.0, 20.0  # letters on average: what stands beside such text is another column of the page
#: White above a line in heights of letters: within a cell, above a title among the rows, between rows.
_WRAPPED, _TITLED, _APART = 0.6, 2.0, 3.0


def blocks_with_tables(lines: Sequence[Line], rules: Rules = _NO_RULES) -> list[Block]:
    """Finds the paragraphs and tables of a page, in reading order."""
    tables, rest = _ruled_tables(lines, rules)
    wide, rest = _wide_tables(rest)
    return reading_order(rest, [*tables, *wide], _with_aligned_tables)


def _wide_tables(lines: Sequence[Line]) -> tuple[list[Block], list[Line]]:
    """Finds the tables without rules that reach over the whole page, and the lines that are in none.

    Those with words in long cells are left to the columns of the page: their rows may go on in another column.
    """
    parts = _with_aligned_tables([line for line in lines if not line.turn], wordless=True)
    tables = [part for part in parts if isinstance(part, Block)]
    return tables, [*(part for part in parts if isinstance(part, Line)), *(line for line in lines if line.turn)]


def _ruled_tables(lines: Sequence[Line], rules: Rules) -> tuple[list[Block], list[Line]]:
    """Finds the tables between rules: each as a block whose lines are rows; and the lines that are in none."""
    tables: list[Block] = []
    rest = list(lines)
    for grid in grids_of(rules):
        pieces = [piece for line in rest for piece in (line.pieces or (line,)) if not line.turn]
        inside = [piece for piece in pieces if grid.holds(piece.box)]
        if found := _between_rules(grid, inside):
            tables.append(found)
            taken = set(inside)
            rest = [left for line in rest for left in _without(line, taken)]
    return tables, rest


def _without(line: Line, taken: set[Line]) -> list[Line]:
    left = [piece for piece in (line.pieces or (line,)) if piece not in taken]
    if len(left) == len(line.pieces or (line,)):
        return [line]
    return [_row_of(left)] if left else []


def _row_of(pieces: Sequence[Line]) -> Line:
    """Joins pieces of one line, from the left to the right."""
    text, box = " ".join(piece.text for piece in pieces), union([piece.box for piece in pieces])
    return Line(text, box, pieces[-1].hyphen, pieces[0].turn, tuple(pieces) if len(pieces) > 1 else ())


def _between_rules(grid: Grid, pieces: Sequence[Line]) -> Block | None:
    """The table in a grid; None where it is a frame around something else."""
    found: dict[tuple[int, int], list[Line]] = {}
    for piece in pieces:
        found.setdefault(grid.cell_at(piece.box), []).append(piece)
    if len(found) < _FILLED * grid.cells or len(found) < 2 * _LEAST_COLUMNS:
        return None
    rows = sorted({row for row, _ in found})
    columns = sorted({column for _, column in found})
    if len(columns) < _LEAST_COLUMNS or any(sum(len(p.text) for p in cell) > _LONGEST_CELL for cell in found.values()):
        return None
    bands = [[found.get((row, column), []) for column in columns] for row in rows]
    bands = [row for band in bands for row in _rows_of_band(band, sure=len(bands) > _HEADED)]
    shared = sum(any(len(line) > 1 for line in in_rows(cell)) for band in bands for cell in band)
    if 2 * shared >= len(bands):  # there are rules between some of the columns only
        aligned = _aligned(in_rows(pieces))
        if aligned and len(aligned.cells) >= len(bands) and len(aligned.cells[0]) >= len(columns):
            return aligned
    return _block(bands) if len(bands) > 1 else None


def _rows_of_band(band: list[list[Line]], *, sure: bool) -> list[list[list[Line]]]:
    """The rows between two rules: its lines, where most of them have something in the first column and in others.

    `sure`: not of two lines, which may be those of cells that go on.
    """
    lines = in_rows([piece for cell in band for piece in cell])
    rows = [[[piece for piece in cell if piece in line] for cell in band] for line in map(set, lines)]
    filled = max(_LEAST_COLUMNS, sum(map(bool, band)) / 2)
    whole = sum(bool(row[0]) and sum(map(bool, row)) >= filled for row in rows)
    return rows if len(rows) > 1 + sure and whole >= _WHOLE * len(rows) else [band]


def _block(rows: Sequence[Sequence[Sequence[Line]]]) -> Block:
    """A table as a block: a line for each row; a cell's text in reading order."""
    made = []
    for row in rows:
        cells = tuple(" ".join(block.text for block in reading_order(cell)) for cell in row)
        if boxes := [piece.box for cell in row for piece in cell]:
            made.append(Line(" | ".join(cells), union(boxes), cells=cells))
    return Block(tuple(made))


def _with_aligned_tables(column: Sequence[Line], *, wordless: bool = False) -> list[Line | Block]:
    """Finds tables without rules in a column of a page: rows that follow each other, with cells below each other.

    Returns its lines in rows from the top, with the rows of each table as a block in their place. `wordless`: only
    tables in which nothing but the first column has long cells.
    """
    rows = in_rows(column)
    found: list[Line | Block] = []
    at = 0
    while at < len(rows):
        end, table = _table_from(rows, at)
        if table and not (wordless and _has_texts(table)):
            found.append(table)
        else:
            found += [line for row in rows[at:end] for line in row]
        at = end
    return found


def _table_from(rows: Sequence[Sequence[Line]], at: int) -> tuple[int, Block | None]:
    """Where the table that begins in a row ends; None for a row that begins none."""
    if len(_cells(rows[at])) < _LEAST_COLUMNS or any(line.turn or line.cells for line in rows[at]):
        return at + 1, None
    end = at + 1
    while end < min(len(rows), at + _MOST_ROWS) and _belongs(rows[end - 1], rows[end]):
        end += 1
    while end > at and len(_cells(rows[end - 1])) < _LEAST_COLUMNS:
        end -= 1  # what follows a table is none of its rows
    while end - at >= _LEAST_ROWS:
        if table := _aligned([_cells(row) for row in rows[at:end]]):
            return end, table
        end -= max(1, (end - at) // 3)
    return at + 1, None


def _has_texts(table: Block) -> bool:
    """Whether a column other than the first has long cells."""
    columns = ([cell for cell in column if cell] for column in list(zip(*table.cells, strict=True))[1:])
    return any(cells and sum(map(len, cells)) >= _WORDS * len(cells) for cells in columns)


def _belongs(above: Sequence[Line], row: Sequence[Line]) -> bool:
    """Whether a row can be of the table above it: it has cells, goes on with one, or is a title; and is near."""
    if any(line.turn or line.cells for line in row):
        return False
    cells, before = _cells(row), _cells(above)
    gap = union([line.box for line in row])[1] - union([line.box for line in above])[3]
    height = max(line.box[3] - line.box[1] for line in row)
    if len(cells) >= _LEAST_COLUMNS:
        return gap < _APART * height
    title = len(cells[0].text) < _PROSE and (len(before) < _LEAST_COLUMNS or cells[0].box[2] < before[1].box[0])
    return gap < (_TITLED if title else _WRAPPED) * height


def _cells(row: Sequence[Line]) -> list[Line]:
    return sorted((piece for line in row for piece in (line.pieces or (line,))), key=lambda piece: piece.box[0])


def _aligned(rows: list[list[Line]]) -> Block | None:
    """The table that these rows make; None where they have no columns, or are the columns of a text."""
    columns = _columns_of(rows)
    if len(columns) < _LEAST_COLUMNS:
        return None
    placed: list[list[list[Line]]] = []
    for row in rows:
        cells: list[list[Line]] = [[] for _ in columns]
        for piece in row:
            cells[_nearest(columns, piece.box)].append(piece)
        if placed and not cells[0] and sum(map(bool, cells)) < sum(map(bool, placed[-1])) and _is_wrapped(placed, row):
            for cell, more in zip(placed[-1], cells, strict=True):
                cell.extend(more)
        else:
            placed.append(cells)
    full = sum(sum(map(bool, row)) >= _LEAST_COLUMNS for row in placed)
    if len(placed) < _LEAST_ROWS or full < _ALIGNED * len(placed) or _is_prose(placed):
        return None
    return _block(placed)


def _is_wrapped(placed: Sequence[Sequence[Sequence[Line]]], row: Sequence[Line]) -> bool:
    above = union([piece.box for cell in placed[-1] for piece in cell])
    return min(piece.box[1] for piece in row) - above[3] < _WRAPPED * max(piece.box[3] - piece.box[1] for piece in row)


def _is_prose(rows: Sequence[Sequence[Sequence[Line]]]) -> bool:
    """Whether it is a text: two columns of sentences, or a list with its numbers or bullets."""
    lengths = [[sum(len(p.text) for p in row[n]) for row in rows if row[n]] for n in range(len(rows[0]))]
    labels = [piece.text for row in rows for piece in row[0]]
    if len(lengths) == _LEAST_COLUMNS and all(map(_LABEL.fullmatch, labels)):
        return True
    usual = sorted((sum(known) / len(known) for known in lengths if known), reverse=True)
    return usual[1] >= (_PROSE if len(usual) > _LEAST_COLUMNS else _WORDS) and usual[0] >= _PROSE


def _columns_of(rows: Sequence[Sequence[Line]]) -> list[tuple[float, float]]:
    """From where to where the columns reach, by the rows that have the most cells; none where these disagree."""
    most = max(count for count in map(len, rows) if sum(len(row) >= count for row in rows) >= 2)
    edges = [(piece.box[0], piece.box[2]) for row in rows if len(row) == most for piece in row]
    merged: list[tuple[float, float]] = []
    for left, right in sorted(edges):
        if merged and left < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(right, merged[-1][1]))
        else:
            merged.append((left, right))
    return merged if len(merged) == most else []


def _nearest(columns: Sequence[tuple[float, float]], box: Box) -> int:
    """The column over which a box stands, else the one that begins before it."""
    shared = [min(box[2], right) - max(box[0], left) for left, right in columns]
    best = max(range(len(columns)), key=shared.__getitem__)
    first = next((n for n, width in enumerate(shared) if width > 0), None)
    if first is not None and sum(width > 0 for width in shared) > 1:
        return first  # a header over several columns stands in the first
    middles = [(one[1] + other[0]) / 2 for one, other in pairwise(columns)]
    return best if shared[best] > 0 else bisect_right(middles, (box[0] + box[2]) / 2)
