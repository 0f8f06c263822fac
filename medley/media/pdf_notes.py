"""What people have put on a page of a PDF: fields that they filled in, notes. Only children import this."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pypdfium2.raw as pdfium_c

from medley.media.layout import Line
from medley.media.pdf_text import to_shown

_MOST = 10_000
#: Kinds whose contents are words of somebody's: notes, marks in the text, and what is written beside it.
_SPOKEN = frozenset(
    getattr(pdfium_c, f"FPDF_ANNOT_{kind}")
    for kind in ("TEXT", "FREETEXT", "HIGHLIGHT", "UNDERLINE", "SQUIGGLY", "STRIKEOUT", "STAMP", "CARET", "SQUARE",
                 "CIRCLE", "LINE", "POLYGON", "POLYLINE", "INK")
)  # fmt: skip


def notes_of(document: Any, page: Any) -> list[Line]:
    """Values of form fields and contents of annotations, each with the box in which it stands."""
    found = []
    for n in range(min(pdfium_c.FPDFPage_GetAnnotCount(page), _MOST)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page, n)
        try:
            found += list(_lines(document, page, annotation))
        finally:
            pdfium_c.FPDFPage_CloseAnnot(annotation)
    return found


def _lines(document: Any, page: Any, annotation: Any) -> Iterator[Line]:
    flags = pdfium_c.FPDFAnnot_GetFlags(annotation)
    if flags & (pdfium_c.FPDF_ANNOT_FLAG_HIDDEN | pdfium_c.FPDF_ANNOT_FLAG_NOVIEW):
        return
    kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
    text = ""
    if kind == pdfium_c.FPDF_ANNOT_WIDGET and document.formenv is not None:
        text = _field(document.formenv, annotation)
    elif kind in _SPOKEN:
        text = _string(lambda buffer, size: pdfium_c.FPDFAnnot_GetStringValue(annotation, b"Contents", buffer, size))
    edges = pdfium_c.FS_RECTF()
    if text and pdfium_c.FPDFAnnot_GetRect(annotation, edges):
        yield Line(text, to_shown(page, (edges.left, edges.bottom, edges.right, edges.top)))


def _field(forms: Any, annotation: Any) -> str:
    kind = pdfium_c.FPDFAnnot_GetFormFieldType(forms, annotation)
    if kind not in (pdfium_c.FPDF_FORMFIELD_TEXTFIELD, pdfium_c.FPDF_FORMFIELD_COMBOBOX,
                    pdfium_c.FPDF_FORMFIELD_LISTBOX):  # fmt: skip
        return ""
    return _string(lambda buffer, size: pdfium_c.FPDFAnnot_GetFormFieldValue(forms, annotation, buffer, size))


def _string(read: Callable[[Any, int], int]) -> str:
    """A string of PDFium's: UTF-16, its size in bytes asked for first."""
    size = read(None, 0)
    if size <= 2:
        return ""
    buffer = (ctypes.c_ushort * (size // 2))()
    read(buffer, size)
    return " ".join(bytes(buffer)[: size - 2].decode("utf-16-le", "replace").split())


def missing_from(lines: Sequence[Line], notes: Sequence[Line]) -> list[Line]:
    """Returns the notes whose text is not on the page yet: most form fields are drawn on the page as well."""
    written = "".join("".join(line.text.split()) for line in lines)
    return [note for note in notes if "".join(note.text.split()) not in written]
