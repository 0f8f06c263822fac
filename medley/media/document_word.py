"""Reads Word files (ECMA-376)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medley.media.document_parts import Document, Part, Unread, direct, edge_parts, local_name, table_parts, text_part
from medley.media.office_drawings import drawn, graphic
from medley.media.office_package import Package

_NOTES = ("footnotes", "endnotes", "comments")
_EDGES = ("header", "footer")
_WRAPPERS = ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag")
_UNSAID = ("drawing", "pict", "AlternateContent", "object", "pPr", "rPr", "moveFrom", "del", "rt")
_DEEPEST = 20  # styles that are based on others
_LEVELS = 9


def word(document: Document) -> Iterator[Part]:
    """Yields the body of a Word file in its order, text boxes where they are anchored; then its notes and comments.

    At last what its headers and footers say, each once.
    """
    with document.unzipped() as archive:
        package = Package(archive)
        main = package.main("word/document.xml")
        reader = _Reader(package, main)
        for body in package.xml(main).iter("{*}body"):
            yield from reader.parts(body)
        for name in package.of_kind(main, *_NOTES):
            for paragraph in package.xml(name).iter("{*}p"):
                yield from text_part(_said(paragraph))
        edges = (package.xml(name) for name in package.of_kind(main, *_EDGES))
        yield from edge_parts(_said(paragraph) for edge in edges for paragraph in edge.iter("{*}p"))
        document.tags = package.tags()
        if others := package.of_kind(main, "aFChunk"):
            raise Unread(f"{len(others)} other documents within it are not read")


class _Reader:
    """Walks through a file. Pages are counted by the breaks that Word left when it last drew them."""

    def __init__(self, package: Package, main: str) -> None:
        self._package, self._related = package, package.related(main)
        self._levels = _heading_levels(package, main)
        self._page = 1

    def parts(self, within: Any) -> Iterator[Part]:
        for element in within:
            name = local_name(element)
            if name == "p":
                yield from self._paragraph(element)
            elif name == "tbl":
                yield from self._table(element)
            elif name in _WRAPPERS:
                yield from self.parts(element)

    def _paragraph(self, element: Any) -> Iterator[Part]:
        before = self._page
        self._page += _breaks(element)
        text = _said(element)
        yield from text_part(text, before if _begins_before_break(element) else self._page, self._level(element))
        yield from self._drawn(element)

    def _drawn(self, element: Any) -> Iterator[Part]:
        """Text boxes, pictures, charts, diagrams."""
        for inner in drawn(element):
            if local_name(inner) == "txbxContent":
                yield from self.parts(inner)
            else:
                yield from graphic(self._package, self._related, inner, self._page)

    def _level(self, element: Any) -> int:
        outline = element.find("{*}pPr/{*}outlineLvl")
        if outline is not None:
            return _outline_level(outline)
        style = element.find("{*}pPr/{*}pStyle")
        return 0 if style is None else self._levels.get(_value(style), 0)

    def _table(self, element: Any) -> Iterator[Part]:
        """A table within a cell is said in that cell."""
        rows = ([_said(cell) for cell in direct(row, "tc", _WRAPPERS)] for row in direct(element, "tr", _WRAPPERS))
        self._page += _breaks(element)
        yield from table_parts(rows, self._page)
        yield from self._drawn(element)


def _heading_levels(package: Package, main: str) -> dict[str, int]:
    """Levels of headings by style: by the name that every language's Word gives them, else by their outline level."""
    styles = {_value(each, "styleId"): each for name in package.of_kind(main, "styles") for each in package.xml(name)}
    return {name: level for name in styles if (level := _level_of_style(styles, name))}


def _level_of_style(styles: dict[str, Any], name: str) -> int:
    for _ in range(_DEEPEST):
        style = styles.get(name)
        if style is None:
            return 0
        called, outline, based = (style.find(f"{{*}}{one}") for one in ("name", "pPr/{*}outlineLvl", "basedOn"))
        title = "" if called is None else _value(called).lower()
        number = title.removeprefix("heading ")
        if title == "title" or (title.startswith("heading ") and number.isdecimal()):
            return 1 if title == "title" else min(int(number), _LEVELS)
        if outline is not None:
            return _outline_level(outline)
        name = "" if based is None else _value(based)
    return 0


def _outline_level(outline: Any) -> int:
    """1 to 9; 0 where it is text: Word counts from 0, and calls text 9."""
    told = _value(outline)
    return (int(told) + 1) % (_LEVELS + 1) if told.isdecimal() else 0


def _value(element: Any, name: str = "val") -> str:
    found = (value for key, value in element.attrib.items() if key.endswith(f"}}{name}"))
    return str(next(found, ""))


def _said(element: Any) -> str:
    """Words of a paragraph or cell, without those of text boxes, and without what was deleted or moved away."""
    found: list[str] = []
    for child in element:
        name = local_name(child)
        if name == "t":
            found.append(child.text or "")
        elif name in ("tab", "br", "cr"):
            found.append(" ")
        elif name == "noBreakHyphen":
            found.append("-")
        elif name not in _UNSAID:
            found.append(_said(child) + (" " if name == "p" else ""))
    return "".join(found)


def _breaks(element: Any) -> int:
    drawn_last = sum(1 for _ in element.iter("{*}lastRenderedPageBreak"))
    return drawn_last or sum(_value(each, "type") == "page" for each in element.iter("{*}br"))


def _begins_before_break(element: Any) -> bool:
    for inner in element.iter("{*}lastRenderedPageBreak", "{*}t"):
        return local_name(inner) == "t"
    return True
