"""Layers of a page (optional content) that are switched off. Only children import this.

PDFium draws by the layers' states and does not tell them. So each part of a page that may belong to one is drawn alone:
what is meant to be seen and leaves no ink is not shown.
"""

from __future__ import annotations

import ctypes
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pypdfium2.raw as pdfium_c

_MARK = "OC"
_MOST_PARTS = 32  # of a page are drawn; what is beyond is taken for shown
_SIDE_PX = 600
_GROUND = (255, 0, 255, 255)  # white ink shows on it
_UNSEEN_MODES = (pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium_c.FPDF_TEXTRENDERMODE_CLIP)
_DEEPEST = 8  # forms within forms
_OFF, _ON = 0, 1


def switch_off(page: Any) -> None:
    """Makes what is on layers that are off no part of the page, for its text, its pictures and its drawing."""
    things = [pdfium_c.FPDFPage_GetObject(page, n) for n in range(pdfium_c.FPDFPage_CountObjects(page))]
    parts = list(_parts(things).values())[:_MOST_PARTS]
    if not parts:
        return
    for thing in things:
        pdfium_c.FPDFPageObj_SetIsActive(thing, _OFF)
    hidden = [part for part in parts if not _leaves_ink(page, part)]
    gone = {ctypes.addressof(thing.contents) for part in hidden for thing in part}
    for thing in things:
        pdfium_c.FPDFPageObj_SetIsActive(thing, ctypes.addressof(thing.contents) not in gone)


def _parts(things: list[Any]) -> dict[str, list[Any]]:
    """Forms, each of them a part, and what stands in a marked section, by the section's name."""
    found: dict[str, list[Any]] = defaultdict(list)
    for n, thing in enumerate(things):
        if name := _layer_of(thing):
            found[name].append(thing)
        elif pdfium_c.FPDFPageObj_GetType(thing) == pdfium_c.FPDF_PAGEOBJ_FORM:
            found[f"form {n}"].append(thing)
    return {name: part for name, part in found.items() if not any(map(_is_unseen, part))}


def _layer_of(thing: Any) -> str:
    """The layers whose sections it stands in; empty where there is none. One without a name goes by its mark."""
    names = []
    for n in range(pdfium_c.FPDFPageObj_CountMarks(thing)):
        mark = pdfium_c.FPDFPageObj_GetMark(thing, n)
        if _string(pdfium_c.FPDFPageObjMark_GetName, mark) == _MARK:
            named = _string(pdfium_c.FPDFPageObjMark_GetParamStringValue, mark, b"Name")
            names.append(named or f"mark {ctypes.addressof(mark.contents)}")
    return "\0".join(names)


def _string(ask: Any, *of: Any) -> str:
    """What PDFium writes into a buffer whose size in bytes it tells, as UTF-16."""
    size = ctypes.c_ulong()
    if not ask(*of, None, 0, size) or not size.value:
        return ""
    buffer = (ctypes.c_ushort * (size.value // 2 + 1))()
    ask(*of, buffer, size.value, size)
    return bytes(buffer)[: size.value].decode("utf-16-le", "replace").rstrip("\0")


def _is_unseen(thing: Any) -> bool:
    """Whether it has text that is not meant to be seen: a scan's words, behind its picture."""
    return any(
        pdfium_c.FPDFPageObj_GetType(inner) == pdfium_c.FPDF_PAGEOBJ_TEXT
        and pdfium_c.FPDFTextObj_GetTextRenderMode(inner) in _UNSEEN_MODES
        for inner in _within(thing, 0)
    )


def _within(thing: Any, depth: int) -> Iterator[Any]:
    yield thing
    if pdfium_c.FPDFPageObj_GetType(thing) == pdfium_c.FPDF_PAGEOBJ_FORM and depth < _DEEPEST:
        for n in range(pdfium_c.FPDFFormObj_CountObjects(thing)):
            yield from _within(pdfium_c.FPDFFormObj_GetObject(thing, n), depth + 1)


def _leaves_ink(page: Any, part: list[Any]) -> bool:
    for thing in part:
        pdfium_c.FPDFPageObj_SetIsActive(thing, _ON)
    bitmap = page.render(scale=_SIDE_PX / max(*page.get_size(), 1.0), fill_color=_GROUND, may_draw_forms=False)
    drawn = bitmap.to_numpy()
    inked = bool((drawn != drawn[0, 0]).any())
    bitmap.close()
    for thing in part:
        pdfium_c.FPDFPageObj_SetIsActive(thing, _OFF)
    return inked
