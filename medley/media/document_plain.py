"""Reads plain text, Markdown (CommonMark and tables), and tables as text (RFC 4180)."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any

from charset_normalizer import from_bytes
from markdown_it import MarkdownIt

from medley.media.document_parts import Document, Part, table_parts, text_part

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DECLARED = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_-]+)|encoding\s*=\s*[\"']([A-Za-z0-9_-]+)")
_ASKED_BYTES = 64 * 1024
_DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024
csv.field_size_limit(10_000_000)


def decoded(content: bytes, *, declared: bool = False) -> str:
    """Decodes text: as its mark or (`declared`) its head says, as UTF-8, else by what its bytes look like."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    named = _DECLARED.search(content[:2048]) if declared else None
    for encoding in (*([(named[1] or named[2]).decode()] if named else ()), "utf-8"):
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    best = from_bytes(content[:_ASKED_BYTES]).best()
    return content.decode(best.encoding if best else "latin-1", "replace")


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
