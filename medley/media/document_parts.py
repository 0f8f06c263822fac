"""What readers of documents tell, part by part, and what they share."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

#: A part of a document: {"text", "level"} (level 1 to 9: a heading; 0: a paragraph), {"cells"} (rows of a table), or
#: {"picture"} (its bytes); each with "page", the number of its page, slide or sheet, None where there are none. What
#: is "apart" stands under no heading.
Part = dict[str, Any]
_ROWS_AT_ONCE = 500
_SPACE = "\u00a0\u200b\ufeff \t\r\n"


class Unread(Exception):
    """Says what a document has, or should have, and nothing can read: what is encrypted or missing, for example."""


class TooMuch(Exception):
    """A document that unpacks to more than is allowed."""


@dataclass(slots=True)
class Document:
    """A document that is being read; what readers find out on their way is told at the end."""

    path: Path
    most_bytes: int
    tags: dict[str, str] = field(default_factory=dict)  #: title and the like
    attached: list[str] = field(default_factory=list)  #: names of files in it that are files of their own

    def unzipped(self) -> zipfile.ZipFile:
        """Opens the document as an archive. Raises TooMuch, zipfile.BadZipFile."""
        archive = zipfile.ZipFile(self.path)
        if sum(entry.file_size for entry in archive.infolist()) > self.most_bytes:
            raise TooMuch(f"unpacks to more than {self.most_bytes >> 20} MB")
        return archive


def text_part(text: str, page: int | None = None, level: int = 0) -> Iterator[Part]:
    """Yields a paragraph or a heading; nothing where there are no letters."""
    words = " ".join(text.split()).strip(_SPACE)
    if words:
        yield {"page": page, "level": level, "text": words}


def edge_parts(texts: Iterable[str]) -> Iterator[Part]:
    """Yields what headers and footers say, each once, apart from the text: under no heading. No numbers of pages."""
    for text in dict.fromkeys(texts):
        if any(map(str.isalpha, text)):
            yield from ({**part, "apart": True} for part in text_part(text))


def table_parts(rows: Iterable[Sequence[Any]], page: int | None = None) -> Iterator[Part]:
    """Yields a table, a long one in pieces that each begin with its first row. Empty rows are left out."""
    first: list[str] | None = None
    piece: list[list[str]] = []
    for row in rows:
        cells = [_cell(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        first = first or cells
        piece.append(cells)
        if len(piece) >= _ROWS_AT_ONCE:
            yield {"page": page, "cells": piece}
            piece = [first]
    if len(piece) > 1 or (piece and piece[0] is first):
        yield {"page": page, "cells": piece}


def _cell(value: Any) -> str:
    if isinstance(value, datetime.datetime) and not (value.hour or value.minute or value.second):
        value = value.date()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else " ".join(str(value).split())


def parse_xml(content: bytes) -> Any:
    """Parses XML of strangers: no entities, no network, whatever their ids are. Raises etree.XMLSyntaxError."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, collect_ids=False
    )
    return etree.fromstring(content, parser)


def local_name(element: Any) -> str:
    """Returns the name of an element without its namespace; "" for comments and the like."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def direct(within: Any, name: str, wrappers: Container[str]) -> Iterator[Any]:
    """Yields the children of a name, those in elements that only wrap others too; not those within one another."""
    for child in within:
        if local_name(child) == name:
            yield child
        elif local_name(child) in wrappers:
            yield from direct(child, name, wrappers)
