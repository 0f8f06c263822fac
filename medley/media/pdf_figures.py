"""Where on a page pictures and drawings are. Only children import this."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pypdfium2.raw as pdfium_c

from medley.media.layout import Box
from medley.media.pdf_text import to_shown

_MOST = 50_000
_DEEPEST = 8  # forms within forms

#: A form's matrix: what it does to points, as PDF writes it.
Matrix = tuple[float, float, float, float, float, float]


def boxes_of_pictures(page: Any) -> list[Box]:
    """Returns the boxes of the pictures alone, as shown on the page."""
    width, height = page.get_size()
    found = (own for kind, own in _things(page) if kind == pdfium_c.FPDF_PAGEOBJ_IMAGE)
    return [_clipped(to_shown(page, own), width, height) for own in found]


def boxes_of_figures(page: Any, min_side_pt: float) -> list[Box]:
    """Returns the boxes of figures as shown, from top to bottom; a box within another one is a part of the other."""
    width, height = page.get_size()
    pictures: list[Box] = []
    drawn: list[Box] = []
    for kind, own in _things(page):
        box = _clipped(to_shown(page, own), width, height)
        wide, high = box[2] - box[0], box[3] - box[1]
        if kind == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            pictures.append(box)
        elif kind != pdfium_c.FPDF_PAGEOBJ_TEXT and wide * high < 0.85 * width * height:
            drawn.append(box)  # what covers the page is its background
    candidates = [*pictures, *_clusters(drawn, width, height)]
    large = [box for box in candidates if min(box[2] - box[0], box[3] - box[1]) >= min_side_pt]
    within = [box for box in large if not any(other != box and _inside(box, other) for other in large)]
    return sorted(set(within), key=lambda box: (box[1], box[0]))


def _clusters(boxes: list[Box], width: float, height: float) -> list[Box]:
    """Drawings: shapes that touch or nearly touch, of which at least one is more than a rule or a frame's edge."""
    cell = max(12.0, max(width, height) / 100.0)
    owners: dict[tuple[int, int], list[int]] = {}
    for n, box in enumerate(boxes):
        for x in range(int(box[0] // cell), int(box[2] // cell) + 1):
            for y in range(int(box[1] // cell), int(box[3] // cell) + 1):
                owners.setdefault((x, y), []).append(n)
    found = []
    while owners:
        members, edge = set(), [next(iter(owners))]
        while edge:
            x, y = edge.pop()
            if (mine := owners.pop((x, y), None)) is not None:
                members.update(mine)
                edge += [(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
        shapes = [boxes[n] for n in members]
        if any(min(box[2] - box[0], box[3] - box[1]) > 4.0 for box in shapes):
            x0, y0, x1, y1 = zip(*shapes, strict=True)
            found.append((min(x0), min(y0), max(x1), max(y1)))
    return found


def _clipped(box: Box, width: float, height: float) -> Box:
    x0, y0 = max(0.0, box[0]), max(0.0, box[1])
    return x0, y0, max(x0, min(width, box[2])), max(y0, min(height, box[3]))


def _inside(box: Box, other: Box) -> bool:
    return other[0] <= box[0] and other[1] <= box[1] and other[2] >= box[2] and other[3] >= box[3]


def _things(page: Any) -> Iterator[tuple[int, Box]]:
    """Kind and box, in the page's own coordinates, of what is drawn; also within forms."""
    for thing, kind, matrix in islice(drawn_things(page), _MOST):
        edges = [ctypes.c_float() for _ in range(4)]
        if pdfium_c.FPDFPageObj_GetBounds(thing, *edges):
            left, bottom, right, top = (edge.value for edge in edges)
            yield kind, moved((left, bottom, right, top), matrix)


def drawn_things(page: Any) -> Iterator[tuple[Any, int, Matrix]]:
    """Yields what is drawn on a page, also within forms: its handle, its kind, and the matrix of its form."""
    count = pdfium_c.FPDFPage_CountObjects(page)
    things = filter(_is_active, (pdfium_c.FPDFPage_GetObject(page, n) for n in range(count)))
    yield from (found for thing in things for found in _within(thing, (1, 0, 0, 1, 0, 0), 0))


def _is_active(thing: Any) -> bool:
    """Whether it is a part of the page: see pdf_layers.py."""
    active = ctypes.c_int()
    return not pdfium_c.FPDFPageObj_GetIsActive(thing, active) or bool(active.value)


def _within(thing: Any, matrix: Matrix, depth: int) -> Iterator[tuple[Any, int, Matrix]]:
    kind = pdfium_c.FPDFPageObj_GetType(thing)
    if kind != pdfium_c.FPDF_PAGEOBJ_FORM:
        yield thing, kind, matrix
        return
    own = pdfium_c.FS_MATRIX()
    if depth < _DEEPEST and pdfium_c.FPDFPageObj_GetMatrix(thing, own):
        inner = after((own.a, own.b, own.c, own.d, own.e, own.f), matrix)
        for n in range(pdfium_c.FPDFFormObj_CountObjects(thing)):
            yield from _within(pdfium_c.FPDFFormObj_GetObject(thing, n), inner, depth + 1)


def after(first: Matrix, then: Matrix) -> Matrix:
    """Combines two matrices: what the one does, and then the other."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = then
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m


def moved(box: Box, matrix: Matrix) -> Box:
    """Applies a matrix to a box."""
    a, b, c, d, e, f = matrix
    points = [(a * x + c * y + e, b * x + d * y + f) for x in (box[0], box[2]) for y in (box[1], box[3])]
    across, along = zip(*points, strict=True)
    return min(across), min(along), max(across), max(along)
