"""Documents that are no PDFs: what is written in them, under which headings; their tables and pictures."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from medley.about import About, about_from
from medley.errors import CorruptMedia, TooLarge, UnsupportedMedia
from medley.media.attachments import notes_of
from medley.media.job import JobResult, run_job
from medley.media.magic import is_text
from medley.media.source import asset_source
from medley.plain import to_json
from medley.setting_groups import Limits
from medley.types import Asset

_FILE = "document.jsonl"
_PROGRAM = Path(__file__).with_name("document_child.py")  # not imported: it loads the readers
_MOST_LETTERS = 50_000_000
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
#: Media type and reader by the ending of the name, of files whose first bytes fit: an archive, or text.
_ARCHIVES = {
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), (f"{_OOXML}wordprocessingml.document", "docx")),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".ppsm", ".potx"), (f"{_OOXML}presentationml.presentation", "pptx")),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx", ".xltm"), (f"{_OOXML}spreadsheetml.sheet", "xlsx")),
    ".odt": (f"{_ODF}text", "opendocument"),
    ".ods": (f"{_ODF}spreadsheet", "opendocument"),
    ".odp": (f"{_ODF}presentation", "opendocument"),
    ".epub": ("application/epub+zip", "epub"),
}
_TEXTS = {
    ".md": ("text/markdown", "markdown"),
    ".markdown": ("text/markdown", "markdown"),
    ".txt": ("text/plain", "text"),
    ".csv": ("text/csv", "csv"),
    ".tsv": ("text/tab-separated-values", "csv"),
    ".html": ("text/html", "html"),
    ".htm": ("text/html", "html"),
    ".xhtml": ("text/html", "html"),
    ".eml": ("message/rfc822", "eml"),
}
_MORE = ("", "-template")
_NAMED = {b"word/": ".docx", b"ppt/": ".pptx", b"xl/": ".xlsx"}
_OPEN = {f"{_ODF}{kind}{more}": "opendocument" for kind in ("text", "spreadsheet", "presentation") for more in _MORE}
_OPEN["application/epub+zip"] = "epub"
_READERS = dict([*_ARCHIVES.values(), *_TEXTS.values(), *_OPEN.items()])
_HTML = re.compile(rb"\s*(<!--.*?-->\s*)*(<\?xml[^>]*>\s*)?(<!doctype\s+html|<html)", re.IGNORECASE | re.DOTALL)
_MAIL = re.compile(rb"(?:[!-9;-~]+:[^\n]*\r?\n(?:[ \t][^\n]*\r?\n)*){3}")
_MAIL_HEADERS = re.compile(rb"^(from|received|return-path|message-id|mime-version):", re.IGNORECASE | re.MULTILINE)


def document_type(head: bytes, name: str) -> str | None:
    """Tells the media type of a document by its first bytes; of text and archives, the name helps. None: it is none."""
    if head.startswith(b"PK\x03\x04"):
        return _archive_type(head, name)
    plain = head.removeprefix(b"\xef\xbb\xbf")
    wide = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    if not wide and not is_text(head):
        return None
    if _HTML.match(plain):
        return "text/html"
    if _MAIL.match(plain) and len(_MAIL_HEADERS.findall(plain)) >= 2:
        return "message/rfc822"
    known = _TEXTS.get(PurePosixPath(name).suffix.lower())
    return known[0] if known else None


def _archive_type(head: bytes, name: str) -> str | None:
    """The first file in an archive says what the archive is, or how those after it begin."""
    size, length, extra = (int.from_bytes(head[at : at + width], "little") for at, width in ((18, 4), (26, 2), (28, 2)))
    if head[30 : 30 + length] == b"mimetype" and size:
        kind = head[30 + length + extra : 30 + length + extra + size].decode("ascii", "replace").strip()
        return kind if kind in _OPEN else None
    inside = next((ending for folder, ending in _NAMED.items() if b"PK\x03\x04" in head and _holds(head, folder)), "")
    known = _ARCHIVES.get(inside) or _ARCHIVES.get(PurePosixPath(name).suffix.lower())
    return known[0] if known else None


def _holds(head: bytes, folder: bytes) -> bool:
    """Whether one of the first entries of an archive is in a folder."""
    at = 0
    while (at := head.find(b"PK\x03\x04", at)) >= 0:
        if head[at + 30 : at + 30 + len(folder)] == folder:
            return True
        at += 4
    return False


@dataclass(frozen=True, slots=True)
class Part:
    """A paragraph, or a table (`cells`: its rows), under the `headings` above it; `page`: of a page, slide or sheet.

    `number` counts the parts of a document from 1; `level` is that of a heading, else 0.
    """

    number: int
    page: int | None
    headings: tuple[str, ...]
    text: str
    level: int = 0
    cells: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """How many parts there are, what is lost, what else there is to say, what the document says of itself.

    `attached`: names of the files in it.
    """

    parts: int
    damage: str
    notes: tuple[str, ...]
    about: About
    attached: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RawPicture:
    """A picture in a document, as a file of its own kind within a directory."""

    name: str
    page: int | None
    box: tuple[float, float, float, float] | None


def read_document(asset: Asset, directory: Path, limits: Limits) -> DocumentRead:
    """Writes the parts of a document, and its tables as CSV, into `directory`.

    Raises CorruptMedia, TooLarge.
    """
    told = _ask(asset, "text", directory, limits)
    parts = list(_parts(line for line in told.lines if "text" in line or "cells" in line))
    if not parts and (why := _fault(told)):
        raise CorruptMedia(f"cannot be read: {why}", file=asset.path, remedy="Open it in its program and save it again")
    with (directory / _FILE).open("w") as file:
        file.writelines(to_json(asdict(part)) + "\n" for part in parts)
    for number, part in enumerate((part for part in parts if part.cells), 1):
        with (directory / f"table-{number:03d}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(part.cells)
    end: dict[str, Any] = next((line for line in told.lines if "tags" in line), {"tags": {}, "attached": []})
    attached = tuple(end["attached"])
    return DocumentRead(len(parts), _fault(told), notes_of(attached), about_from(end["tags"]), attached)


def find_pictures(asset: Asset, directory: Path, limits: Limits) -> list[RawPicture]:
    """Writes the pictures of a document into `directory` as they are; what cannot be read, `read_document` says."""
    told = _ask(asset, "pictures", directory, limits)
    found = (line for line in told.lines if "picture" in line)
    return [RawPicture(one["picture"], one["page"], tuple(one["box"]) if one["box"] else None) for one in found]


def _ask(asset: Asset, want: str, directory: Path, limits: Limits) -> JobResult:
    """Raises TooLarge."""
    kind = _READERS.get(asset.media.media_type)
    if kind is None:
        raise UnsupportedMedia(f"is {asset.media.media_type}, which has no reader", file=asset.path)
    job = {"kind": kind, "want": want, "directory": str(directory), "max_letters": _MOST_LETTERS}
    with asset_source(asset) as source:
        job |= {"path": str(source.path), "max_bytes": limits.output_mb << 20}
        told = run_job(_PROGRAM, job, limits, directory, [source])
    if told.too_long:
        raise TooLarge(told.too_long, file=asset.path, remedy="Raise MEDLEY_LIMITS__WALL_S if you trust the file")
    if too_much := next((line["too_much"] for line in told.lines if "too_much" in line), ""):
        raise TooLarge(too_much, file=asset.path, remedy="Raise MEDLEY_LIMITS__OUTPUT_MB if you trust the file")
    return told


def _fault(told: JobResult) -> str:
    error = next((line["error"] for line in told.lines if "error" in line), "")
    return error or (f"its reader ended with {told.exit}" if told.exit else "")


def _parts(lines: Iterator[dict[str, Any]]) -> Iterator[Part]:
    """Parts with the headings above each; those of one slide or sheet end with it."""
    above: dict[int, str] = {}
    page: int | None = None
    for number, line in enumerate(lines, 1):
        if line["page"] != page and line.get("level") == 1:
            above = {}
        above = {} if line.get("apart") else above
        page, level = line["page"], line.get("level", 0)
        if level:
            above = {known: text for known, text in above.items() if known < level}
        headings = tuple(above[known] for known in sorted(above))
        cells = tuple(tuple(row) for row in line.get("cells", ()))
        text = line.get("text") or "\n".join(" | ".join(row) for row in cells)
        yield Part(number, page, headings, text, level, cells)
        if level:
            above[level] = line["text"]


def read_parts(directory: Path) -> list[Part]:
    """Reads the parts that `read_document` wrote."""
    with (directory / _FILE).open() as file:
        return [_part(json.loads(line)) for line in file]


def _part(known: dict[str, Any]) -> Part:
    cells: Sequence[Sequence[str]] = known.pop("cells")
    headings = tuple(known.pop("headings"))
    return Part(**known, headings=headings, cells=tuple(tuple(row) for row in cells))
