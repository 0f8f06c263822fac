"""Reads Word, PowerPoint and Excel files (ECMA-376)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import docx
import openpyxl
import pptx
from pptx.enum.shapes import MSO_SHAPE_TYPE

from medley.media.document_parts import Document, Part, local_name, parse_xml, table_parts, text_part

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_A_TEXT = "{http://schemas.openxmlformats.org/drawingml/2006/main}t"
_EMBED = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}embed"
_NOTES = ("footnotes", "endnotes", "comments")
_EMU_PER_PT = 12_700


def word(document: Document) -> Iterator[Part]:
    """Yields the body of a Word file in its order, text boxes where they are anchored; then its notes and comments."""
    document.unzipped().close()
    opened = docx.Document(str(document.path))
    document.tags = _tags(opened.core_properties)
    body = _WordBody(opened)
    yield from body.parts(opened.element.body)
    for relation in opened.part.rels.values():
        if not relation.is_external and relation.reltype.rpartition("/")[2] in _NOTES:
            for paragraph in parse_xml(relation.target_part.blob).iter(f"{_W}p"):
                yield from text_part(_said(paragraph))


class _WordBody:
    """The body of a Word file. Pages are counted by the breaks that Word left when it last drew them."""

    def __init__(self, opened: Any) -> None:
        self._styles = {style.style_id: style.name or "" for style in opened.styles}
        self._related = opened.part.related_parts
        self._page = 1

    def parts(self, within: Any) -> Iterator[Part]:
        for element in within:
            name = local_name(element)
            if name == "p":
                yield from self._paragraph(element)
            elif name == "tbl":
                yield from self._table(element)
            elif name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag"):
                yield from self.parts(element)

    def _paragraph(self, element: Any) -> Iterator[Part]:
        before = self._page
        self._page += _breaks(element)
        text = _said(element)
        yield from text_part(text, before if _begins_before_break(element) else self._page, self._level(element))
        yield from self._boxes_and_pictures(element)

    def _boxes_and_pictures(self, element: Any) -> Iterator[Part]:
        for inner in _drawn(element):
            if inner.tag == f"{_W}txbxContent":
                yield from self.parts(inner)
            elif part := self._related.get(inner.get(_EMBED, "")):
                yield {"page": self._page, "picture": part.blob}

    def _level(self, element: Any) -> int:
        style = element.find(f"{_W}pPr/{_W}pStyle")
        name = self._styles.get(style.get(f"{_W}val"), "").lower() if style is not None else ""
        if name == "title":
            return 1
        number = name.removeprefix("heading ")
        return int(number) if name.startswith("heading ") and number.isdigit() else 0

    def _table(self, element: Any) -> Iterator[Part]:
        rows = ([_said(cell) for cell in row.iter(f"{_W}tc")] for row in element.iter(f"{_W}tr"))
        self._page += _breaks(element)
        yield from table_parts(rows, self._page)
        for paragraph in element.iter(f"{_W}p"):
            yield from self._boxes_and_pictures(paragraph)


def _drawn(element: Any) -> Iterator[Any]:
    """Text boxes and pictures in a paragraph, of two drawings of the same thing the first; not those within boxes."""
    for child in element:
        name = local_name(child)
        if name == "Fallback":
            continue
        if name in ("txbxContent", "blip"):
            yield child
        else:
            yield from _drawn(child)


def _said(element: Any) -> str:
    """Words of a paragraph or cell, without those of text boxes; what was deleted is no `t`."""
    found: list[str] = []
    for child in element:
        name = local_name(child)
        if name == "t":
            found.append(child.text or "")
        elif name in ("tab", "br", "cr"):
            found.append(" ")
        elif name not in ("drawing", "pict", "AlternateContent", "pPr", "rPr"):
            found.append(_said(child) + (" " if name == "p" else ""))
    return "".join(found)


def _breaks(element: Any) -> int:
    drawn = sum(1 for _ in element.iter(f"{_W}lastRenderedPageBreak"))
    return drawn or sum(each.get(f"{_W}type") == "page" for each in element.iter(f"{_W}br"))


def _begins_before_break(element: Any) -> bool:
    for inner in element.iter(f"{_W}lastRenderedPageBreak", f"{_W}t"):
        return bool(inner.tag == f"{_W}t")
    return True


def slides(document: Document) -> Iterator[Part]:
    """Yields the slides of a PowerPoint file: titles as headings, text, tables, diagrams, pictures, notes."""
    document.unzipped().close()
    opened = pptx.Presentation(str(document.path))
    document.tags = _tags(opened.core_properties)
    for number, slide in enumerate(opened.slides, 1):
        title = slide.shapes.title
        if title is not None:
            yield from text_part(title.text_frame.text, number, 1)
        for shape in slide.shapes:
            if title is None or shape.shape_id != title.shape_id:
                yield from _shape(shape, number)
        yield from _diagrams(slide, number)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            yield from text_part(slide.notes_slide.notes_text_frame.text, number)


def _shape(shape: Any, number: int) -> Iterator[Part]:
    if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
        for inner in shape.shapes:
            yield from _shape(inner, number)
        return
    if shape.has_text_frame:
        for paragraph in shape.text_frame.paragraphs:
            yield from text_part(paragraph.text, number)
    if getattr(shape, "has_table", False) and shape.has_table:
        yield from table_parts(([cell.text for cell in row.cells] for row in shape.table.rows), number)
    if getattr(shape, "has_chart", False) and shape.has_chart:
        yield from _chart(shape.chart, number)
    for blip in shape._element.iter("{http://schemas.openxmlformats.org/drawingml/2006/main}blip"):
        part = shape.part.related_part(blip.get(_EMBED)) if blip.get(_EMBED) in shape.part.rels else None
        if part is not None:
            yield {"page": number, "picture": part.blob, "box": _box(shape)}


def _box(shape: Any) -> list[float] | None:
    if None in (shape.left, shape.top, shape.width, shape.height):
        return None
    left, top, width, height = (edge / _EMU_PER_PT for edge in (shape.left, shape.top, shape.width, shape.height))
    return [round(edge, 2) for edge in (left, top, left + width, top + height)]


def _chart(chart: Any, number: int) -> Iterator[Part]:
    if chart.has_title and chart.chart_title.has_text_frame:
        yield from text_part(chart.chart_title.text_frame.text, number)
    for plot in chart.plots:
        names = list(plot.categories)
        columns = [["", *names], *([series.name, *series.values] for series in plot.series)]
        yield from table_parts(zip(*columns, strict=False), number)


def _diagrams(slide: Any, number: int) -> Iterator[Part]:
    """Words of SmartArt, which are in a file of their own."""
    for relation in slide.part.rels.values():
        if relation.reltype.endswith("/diagramData") and not relation.is_external:
            for text in parse_xml(relation.target_part.blob).iter(_A_TEXT):
                yield from text_part(text.text or "", number)


def sheets(document: Document) -> Iterator[Part]:
    """Yields the sheets of an Excel file as tables: values as Excel last reckoned them."""
    with document.unzipped() as archive:
        pictures = [archive.read(name) for name in archive.namelist() if name.startswith("xl/media/")]
    opened = openpyxl.load_workbook(document.path.open("rb"), read_only=True, data_only=True)  # whatever its name is
    document.tags = _tags(opened.properties)
    for number, sheet in enumerate(opened.worksheets, 1):
        yield from text_part(sheet.title, number, 1)
        yield from table_parts(sheet.iter_rows(values_only=True), number)
    yield from ({"page": None, "picture": content} for content in pictures)


def _tags(properties: Any) -> dict[str, str]:
    names = {"title": "title", "author": "author", "creator": "author", "subject": "subject", "keywords": "keywords"}
    known = ((name, getattr(properties, given, None)) for given, name in names.items())
    return {name: str(value) for name, value in known if value}
