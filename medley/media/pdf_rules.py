"""The straight lines that are drawn on a page. Only children import this."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

import pypdfium2.raw as pdfium_c

from medley.media.layout import Box
from medley.media.pdf_figures import Matrix, after, drawn_things, moved
from medley.media.pdf_text import to_shown
from medley.media.rules import Rule, Rules

_MOST_RULES, _MOST_PATHS = 3_000, 20_000  # of a table: a plot or a map has more
_MOST_POINTS = 64  # of a path
_THIN_PT, _LEAST_PT = 3.0, 1.0
_BACKGROUND = 0.85  # of the page


def rules_of(page: Any) -> list[Box]:
    """Lists rules, in the page's own coordinates: lines, thin boxes and edges of boxes; none of pages full of paths."""
    paths = [thing for thing in islice(drawn_things(page), _MOST_PATHS + 1) if thing[1] == pdfium_c.FPDF_PAGEOBJ_PATH]
    if len(paths) > _MOST_PATHS:
        return []
    width, height = page.get_size()
    rules = [rule for thing, _, matrix in paths for rule in _rules(thing, matrix, width * height)]
    return rules if len(rules) <= _MOST_RULES else []


def shown_rules(page: Any, own: list[Box]) -> Rules:
    """Converts rules to the page as shown."""
    across, down = list[Rule](), list[Rule]()
    for rule in own:
        x0, y0, x1, y1 = to_shown(page, rule)
        if x1 - x0 > y1 - y0:
            across.append(Rule((y0 + y1) / 2, x0, x1))
        else:
            down.append(Rule((x0 + x1) / 2, y0, y1))
    return Rules(tuple(across), tuple(down))


def _rules(thing: Any, matrix: Matrix, area: float) -> Iterator[Box]:
    own = pdfium_c.FS_MATRIX()
    if not _is_drawn(thing) or not pdfium_c.FPDFPageObj_GetMatrix(thing, own):
        return
    full = after((own.a, own.b, own.c, own.d, own.e, own.f), matrix)
    for points in _subpaths(thing):
        placed = [moved((x, y, x, y), full)[:2] for x, y in points]
        across, along = zip(*placed, strict=True)
        box = min(across), min(along), max(across), max(along)
        thin, long = sorted((box[2] - box[0], box[3] - box[1]))
        if thin <= _THIN_PT:
            yield from [_middle(box)] if long > _LEAST_PT else []
        elif thin * long < _BACKGROUND * area:
            yield from filter(None, map(_edge, pairwise(placed)))


def _is_drawn(thing: Any) -> bool:
    """A path that is neither filled nor stroked only cuts."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    return not pdfium_c.FPDFPath_GetDrawMode(thing, fill, stroke) or bool(fill.value or stroke.value)


def _subpaths(thing: Any) -> Iterator[list[tuple[float, float]]]:
    """Corners of the parts of a path; none of one with curves, or with more corners than boxes have."""
    count = pdfium_c.FPDFPath_CountSegments(thing)
    if not 0 < count <= _MOST_POINTS:
        return
    parts: list[list[tuple[float, float]]] = []
    for n in range(count):
        segment = pdfium_c.FPDFPath_GetPathSegment(thing, n)
        kind, x, y = pdfium_c.FPDFPathSegment_GetType(segment), ctypes.c_float(), ctypes.c_float()
        if kind == pdfium_c.FPDF_SEGMENT_BEZIERTO or not pdfium_c.FPDFPathSegment_GetPoint(segment, x, y):
            return
        if kind == pdfium_c.FPDF_SEGMENT_MOVETO or not parts:
            parts.append([])
        parts[-1].append((x.value, y.value))
        if pdfium_c.FPDFPathSegment_GetClose(segment):
            parts[-1].append(parts[-1][0])
    yield from (part for part in parts if len(part) > 1)


def _middle(box: Box) -> Box:
    x0, y0, x1, y1 = box
    if x1 - x0 > y1 - y0:
        return x0, (y0 + y1) / 2, x1, (y0 + y1) / 2
    return (x0 + x1) / 2, y0, (x0 + x1) / 2, y1


def _edge(ends: tuple[tuple[float, float], tuple[float, float]]) -> Box | None:
    """An edge that runs along the page or across it."""
    (ax, ay), (bx, by) = ends
    wide, high = abs(ax - bx), abs(ay - by)
    if min(wide, high) > _LEAST_PT / 2 or max(wide, high) <= _LEAST_PT:
        return None
    return _middle((min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)))
