"""Reads Excel files (ECMA-376), row by row."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

from medley.media.document_parts import Document, Part, Unread, local_name, table_parts, text_part
from medley.media.office_drawings import drawn, graphic, letters
from medley.media.office_package import Package, relation_of

_COLUMN = re.compile(r"[A-Za-z]{1,3}")
_LAST_COLUMN = 16_384
_DIGITS = 12  # at most, of the number of a shared string


def sheets(document: Document) -> Iterator[Part]:
    """Yields the sheets of an Excel file as tables: values as Excel last reckoned them; then what is drawn on each.

    Comments, text boxes and charts come after the table of their sheet, pictures that no sheet shows at the end.
    """
    with document.unzipped() as archive:
        package = Package(archive)
        main = package.main("xl/workbook.xml")
        book, known = package.xml(main), package.related(main)
        values = _values(package, main, book)
        listed = list(book.iter("{*}sheet"))
        there = [sheet for sheet in listed if relation_of(sheet) in known]
        for number, sheet in enumerate(there, 1):
            name = known[relation_of(sheet)].name
            yield from text_part(sheet.get("name", ""), number, 1)
            yield from table_parts(_rows(package, name, values), number)
            yield from _beside(package, name, number)
        for name in package.names():
            if name.startswith("xl/media/"):
                yield {"page": None, "picture": package.content(name)}
        document.tags = package.tags()
        if len(there) < len(listed):
            raise Unread(f"{len(listed) - len(there)} of its sheets are missing in it")


@dataclass(frozen=True, slots=True)
class _Values:
    """What cells refer to: shared strings; of styles, whether they show a date or a duration; when time begins."""

    strings: list[str]
    dates: Mapping[str, bool]  # by style; whether it is a duration
    epoch: datetime.datetime

    def of(self, cell: Any) -> Any:
        """Returns what a cell shows, None where it is empty."""
        kind, value = cell.get("t", "n"), cell.findtext("{*}v")
        if kind == "inlineStr":
            return "".join(_string(each) for each in cell.iter("{*}is"))
        if not value:
            return None
        if kind == "s":
            return self._shared(value)
        if kind == "b":
            return value.strip() == "1"
        return self._number(value, cell.get("s", "0")) if kind == "n" else value

    def _shared(self, value: str) -> str | None:
        number = int(value) if value.strip().isdecimal() and len(value) < _DIGITS else len(self.strings)
        return self.strings[number] if number < len(self.strings) else None

    def _number(self, value: str, style: str) -> Any:
        try:
            number = float(value)
            if style in self.dates:
                return from_excel(number, self.epoch, timedelta=self.dates[style])
            return number if "." in value or "e" in value.lower() else int(value)
        except (ValueError, OverflowError):
            return value


def _values(package: Package, main: str, book: Any) -> _Values:
    strings: list[str] = []
    for name in package.of_kind(main, "sharedStrings")[:1]:
        strings = [_string(each) for each in _read(package, name, "si")]
    early = any(each.get("date1904", "0") in ("1", "true") for each in book.iter("{*}workbookPr"))
    return _Values(strings, _dates(package, main), MAC_EPOCH if early else WINDOWS_EPOCH)


def _dates(package: Package, main: str) -> dict[str, bool]:
    """Styles that show a date or a duration."""
    dates: dict[str, bool] = {}
    for name in package.of_kind(main, "styles")[:1]:
        styles = package.xml(name)
        formats = {str(number): told for number, told in BUILTIN_FORMATS.items()}
        formats |= {each.get("numFmtId", ""): each.get("formatCode", "") for each in styles.iter("{*}numFmt")}
        for number, style in enumerate(one for xfs in styles.iter("{*}cellXfs") for one in xfs.iter("{*}xf")):
            told = formats.get(style.get("numFmtId", "0"), "")
            if is_date_format(told):
                dates[str(number)] = is_timedelta_format(told)
    return dates


def _read(package: Package, name: str, tag: str) -> Iterator[Any]:
    """Elements of a long part, one after another: each is gone when the next one comes."""
    with package.opened(name) as file:
        options = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
        for _, element in etree.iterparse(file, tag=f"{{*}}{tag}", **options):
            yield element
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _string(element: Any) -> str:
    """Words of a string, without how they are pronounced."""
    return "".join(
        "" if local_name(each) == "rPh" else (each.text or "") if local_name(each) == "t" else _string(each)
        for each in element
    )


def _rows(package: Package, name: str, values: _Values) -> Iterator[list[Any]]:
    for row in _read(package, name, "row"):
        cells: list[Any] = []
        for cell in row.iterchildren("{*}c"):
            cells += [None] * (_column(cell.get("r", "")) - 1 - len(cells))
            cells.append(values.of(cell))
        yield cells


def _column(reference: str) -> int:
    """The number of a cell's column from 1, 0 where the cell does not say."""
    found = _COLUMN.match(reference)
    number = 0
    for letter in found[0].upper() if found else "":
        number = number * 26 + ord(letter) - 64
    return min(number, _LAST_COLUMN)


def _beside(package: Package, sheet: str, number: int) -> Iterator[Part]:
    """Comments, text boxes, charts and pictures of a sheet."""
    threads = package.of_kind(sheet, "threadedComment")
    for name in threads or package.of_kind(sheet, "comments"):
        for comment in package.xml(name).iter("{*}threadedComment" if threads else "{*}comment"):
            yield from text_part("".join(each.text or "" for each in comment.iter("{*}t", "{*}text")), number)
    for name in package.of_kind(sheet, "drawing"):
        drawing, related = package.xml(name), package.related(name)
        for body in drawing.iter("{*}txBody"):
            for paragraph in body.iter("{*}p"):
                yield from text_part(letters(paragraph), number)
        for inner in drawn(drawing):
            yield from graphic(package, related, inner, number)
