"""Reads OpenDocument files (ISO/IEC 26300): text, sheets, slides."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import Any

from medley.media.document_parts import (
    Document,
    Part,
    Unread,
    direct,
    edge_parts,
    local_name,
    parse_xml,
    table_parts,
    text_part,
)

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_CHART = "{urn:oasis:names:tc:opendocument:xmlns:chart:1.0}"
_IN_CELLS = (f"{_DRAW}image", f"{_DRAW}object", f"{_DRAW}text-box", f"{_OFFICE}annotation")
_WRAPPERS = ("table-header-rows", "table-rows", "table-row-group")
_EDGES = ("header", "header-left", "header-first", "footer", "footer-left", "footer-first")
_HREF = "{http://www.w3.org/1999/xlink}href"
_MOST_REPEATED = 1000  # sheets end in a million empty rows
_TAGS = {name: name for name in ("title", "subject", "description")} | {"creator": "author", "keyword": "keywords"}


def open_document(document: Document) -> Iterator[Part]:
    """Yields the content of an OpenDocument file in its order; slides and sheets are pages.

    At last what its headers and footers say, each once.
    """
    with document.unzipped() as archive:
        if b":encryption-data" in _read(archive, "META-INF/manifest.xml"):
            raise Unread("it needs a password: save it without one")
        document.tags = _tags(archive)
        body = parse_xml(archive.read("content.xml")).find(f"{_OFFICE}body")
        if body is not None:
            yield from _Reader(archive).parts(body)
        yield from _edges(archive)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """Empty where it is not there."""
    return archive.read(name) if name in archive.namelist() else b""


def _tags(archive: zipfile.ZipFile) -> dict[str, str]:
    meta = _read(archive, "meta.xml")
    found = ((_TAGS.get(local_name(each)), each.text) for each in (parse_xml(meta).iter() if meta else ()))
    return {name: text for name, text in found if name and text}


def _edges(archive: zipfile.ZipFile) -> Iterator[Part]:
    styles = _read(archive, "styles.xml")
    edges = [each for each in (parse_xml(styles).iter() if styles else ()) if local_name(each) in _EDGES]
    yield from edge_parts(_said(each) for edge in edges for each in edge.iter(f"{_TEXT}h", f"{_TEXT}p"))


class _Reader:
    """Walks through the content; `_page` is the number of the slide or sheet."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._page: int | None = None

    def parts(self, within: Any) -> Iterator[Part]:
        for element in within:
            name = local_name(element)
            if name == "h":
                yield from text_part(_said(element), self._page, int(element.get(f"{_TEXT}outline-level", "1")))
            elif name == "p":
                yield from text_part(_said(element), self._page)
                yield from self._drawn(element)
            elif name == "table":
                yield from self._table(element)
            elif name == "image":
                yield from self._picture(element)
            elif name == "object":
                yield from self._object(element)
            elif name == "page":
                self._page = (self._page or 0) + 1
                yield from self.parts(element)
            elif name not in ("tracked-changes", "forms", "sequence-decls"):
                yield from self.parts(element)

    def _drawn(self, paragraph: Any) -> Iterator[Part]:
        """Text boxes, pictures and comments that a paragraph anchors."""
        for child in paragraph:
            if local_name(child) in ("frame", "annotation"):
                yield from self.parts(child)
            elif local_name(child) not in ("h", "p"):
                yield from self._drawn(child)

    def _picture(self, element: Any) -> Iterator[Part]:
        name = element.get(_HREF, "").removeprefix("./")
        if name in self._archive.namelist():
            yield {"page": self._page, "picture": self._archive.read(name)}

    def _object(self, element: Any) -> Iterator[Part]:
        """A chart, which is a document within the document: its words, and its table."""
        name = f"{element.get(_HREF, '').removeprefix('./')}/content.xml"
        if name in self._archive.namelist():
            for chart in parse_xml(self._archive.read(name)).iter(f"{_CHART}chart"):
                yield from self.parts(chart)

    def _table(self, element: Any) -> Iterator[Part]:
        if local_name(element.getparent()) == "spreadsheet":
            self._page = (self._page or 0) + 1
            yield from text_part(element.get(f"{_TABLE}name", ""), self._page, 1)
        yield from table_parts(_rows(element), self._page)
        for row in direct(element, "table-row", _WRAPPERS):
            for inner in row.iter(*_IN_CELLS):
                yield from self.parts([inner])
        for shapes in direct(element, "shapes", _WRAPPERS):
            yield from self.parts(shapes)


def _rows(table: Any) -> Iterator[list[str]]:
    """A table within a cell is said in that cell."""
    for row in direct(table, "table-row", _WRAPPERS):
        cells: list[str] = []
        for cell in row:
            if local_name(cell) in ("table-cell", "covered-table-cell"):
                cells += [_said(cell)] * min(int(cell.get(f"{_TABLE}number-columns-repeated", "1")), _MOST_REPEATED)
        for _ in range(min(int(row.get(f"{_TABLE}number-rows-repeated", "1")), _MOST_REPEATED) if any(cells) else 0):
            yield cells


def _said(element: Any) -> str:
    """Words of a paragraph or cell, without those of frames that it anchors."""
    found = [element.text or ""]
    for child in element:
        name = local_name(child)
        if name in ("s", "tab", "line-break"):
            found.append(" ")
        elif name not in ("frame", "annotation", ""):
            found.append(_said(child) + (" " if name in ("p", "h") else ""))
        found.append(child.tail or "")
    return "".join(found)
