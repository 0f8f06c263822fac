"""Reads plain text, Markdown (CommonMark and tables), and tables as text (RFC 4180)."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any

from markdown_it import MarkdownIt

from medley.encodings import decoded
from medley.media.document_parts import Document, Part, table_parts, text_part

_DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024
csv.field_size_limit(10_000_000)


def plain_text(document: Document) -> Iterator[Part]:
    """Yields the paragraphs of a text, which blank lines part."""
    yield from paragraphs(decoded(document.path.read_bytes()))


def paragraphs(text: str) -> Iterator[Part]:
    """Yields what blank lines part."""
    for paragraph in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        yield from text_part(paragraph)


def markdown(document: Document) -> Iterator[Part]:
    """Yields headings, paragraphs, code and tables of Markdown."""
    text = re.sub(r"\A---\n.*?\n---\n", "", decoded(document.path.read_bytes()).replace("\r\n", "\n"), flags=re.DOTALL)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    level, rows = 0, list[list[str]]()
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "heading_close":
            level = 0
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "table_close":
            yield from table_parts(rows)
            rows = []
        elif token.type == "inline":
            if rows:
                rows[-1].append(_shown(token))
            else:
                yield from text_part(_shown(token), None, level)
        elif token.type in ("fence", "code_block"):
            yield from text_part(token.content)
        elif token.type == "html_block":
            yield from text_part(re.sub(r"<[^>]*>", " ", token.content))


def _shown(token: Any) -> str:
    """Words of a line without its marks; a picture by its description."""
    breaks = ("softbreak", "hardbreak")
    return "".join(
        " " if child.type in breaks else child.content
        for child in token.children or ()
        if child.type in ("text", "code_inline", "image", *breaks)
    )


def table(document: Document) -> Iterator[Part]:
    """Yields a table of values that commas, semicolons, tabs or bars part."""
    text = decoded(document.path.read_bytes())
    yield from table_parts(csv.reader(text.splitlines(), _dialect(text[:_SAMPLE])))


def _dialect(sample: str) -> type[csv.Dialect]:
    try:
        return csv.Sniffer().sniff(sample, _DELIMITERS)
    except csv.Error:  # one column
        return csv.excel
