"""Reads PowerPoint files (ECMA-376)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medley.media.document_parts import Document, Part, Unread, edge_parts, local_name, table_parts, text_part
from medley.media.office_drawings import box_of, drawn, graphic, letters
from medley.media.office_package import Package, Related, relation_of

_TITLES = ("title", "ctrTitle")
_EDGES = ("hdr", "ftr", "dt")
_UNSAID = ("sldNum", "sldImg")


def slides(document: Document) -> Iterator[Part]:
    """Yields the slides of a PowerPoint file: titles as headings, text, tables, charts, pictures, notes, comments.

    What stands at the edges of slides and notes comes once, at the end.
    """
    with document.unzipped() as archive:
        package = Package(archive)
        main = package.main("ppt/presentation.xml")
        known, edges = package.related(main), dict[str, None]()
        ids = [relation_of(each) for each in package.xml(main).iter("{*}sldId")]
        names = [known[one].name for one in ids if one in known]
        for number, name in enumerate(names, 1):
            yield from _Slide(package, name, number).parts(edges)
        yield from edge_parts(edges)
        document.tags = package.tags()
        if len(names) < len(ids):
            raise Unread(f"{len(ids) - len(names)} of its slides are missing in it")


class _Slide:
    """A slide, and what belongs to it."""

    def __init__(self, package: Package, name: str, number: int) -> None:
        self._package, self._name, self._number = package, name, number
        self._related: dict[str, Related] = package.related(name)

    def parts(self, edges: dict[str, None]) -> Iterator[Part]:
        """Yields the title and what else is on it; words at its edges go into `edges`."""
        shapes = list(_shapes(self._package.xml(self._name)))
        for shape in sorted(shapes, key=lambda shape: _place(shape) not in _TITLES):
            place = _place(shape)
            if place in _EDGES:
                edges.update(dict.fromkeys(_paragraphs(shape)))
            elif place in _TITLES:
                yield from text_part(" ".join(_paragraphs(shape)), self._number, 1)
            elif place not in _UNSAID:
                yield from self._shape(shape)
        yield from self._notes(edges)
        for name in self._package.of_kind(self._name, "comments"):
            for comment in self._package.xml(name).iter("{*}text", "{*}p"):
                yield from text_part(letters(comment) or comment.text or "", self._number)

    def _shape(self, shape: Any) -> Iterator[Part]:
        for text in _paragraphs(shape):
            yield from text_part(text, self._number)
        for table in shape.iter("{*}tbl"):
            rows = (
                [" ".join(map(letters, cell.iter("{*}p"))) for cell in row.iter("{*}tc")] for row in table.iter("{*}tr")
            )
            yield from table_parts(rows, self._number)
        for inner in drawn(shape):
            yield from graphic(self._package, self._related, inner, self._number, box_of(shape))

    def _notes(self, edges: dict[str, None]) -> Iterator[Part]:
        """Of who speaks."""
        for name in self._package.of_kind(self._name, "notesSlide"):
            for shape in _shapes(self._package.xml(name)):
                if _place(shape) in _EDGES:
                    edges.update(dict.fromkeys(_paragraphs(shape)))
                elif _place(shape) not in _UNSAID:
                    for paragraph in shape.iter("{*}p"):
                        yield from text_part(letters(paragraph), self._number)


def _shapes(within: Any) -> Iterator[Any]:
    """All shapes in their order, those of groups too; of two drawings of a thing the first."""
    for child in within:
        name = local_name(child)
        if name in ("sp", "graphicFrame", "pic", "cxnSp"):
            yield child
        elif name not in ("Fallback", "bg"):
            yield from _shapes(child)


def _place(shape: Any) -> str:
    """What a shape is for."""
    found = next(shape.iter("{*}ph"), None)
    return "" if found is None else str(found.get("type", ""))


def _paragraphs(shape: Any) -> list[str]:
    body = shape.find("{*}txBody")
    return [] if body is None else [letters(paragraph) for paragraph in body.iter("{*}p")]
