"""Reads web pages, electronic books (EPUB 3) and mails (RFC 5322)."""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import islice
from mimetypes import guess_extension
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from lxml import html

from medley.encodings import decoded
from medley.media.document_parts import Document, Part, Unread, local_name, parse_xml, table_parts, text_part
from medley.media.document_plain import paragraphs

_UNSEEN = frozenset(
    (
        *("script", "style", "noscript", "template", "svg", "object", "iframe", "select", "textarea"),
        *("title", "meta", "link", "base"),  # not the head as a whole: in a page without a body, it holds the text
    )
)
_INLINE = frozenset(
    (
        *("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd"),
        *("label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
    )
)
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)
_DEEPEST = 200
_HEADERS = ("From", "To", "Cc", "Date", "Subject")


def web_page(document: Document) -> Iterator[Part]:
    """Yields a web page: headings, paragraphs, tables, pictures that are within it."""
    page = _parsed(document.path.read_bytes())
    if page is not None:
        document.tags = _tags_of(page)
        yield from _Walk().parts(page)


def _parsed(content: bytes) -> Any:
    text = decoded(content, declared=True)
    parser = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True)
    content = text.encode("utf-8", "replace")  # as text, it must not say which encoding it had
    return html.document_fromstring(content, parser=parser) if text.strip() else None


def _tags_of(page: Any) -> dict[str, str]:
    title = page.findtext(".//title") or ""
    named = {each.get("name", "").lower(): each.get("content", "") for each in page.iter("meta")}
    known = {"title": title, **{name: named.get(name, "") for name in ("author", "description", "keywords")}}
    return {name: " ".join(value.split()) for name, value in known.items() if value.strip()}


class _Walk:
    """Gathers words until a block ends."""

    def __init__(self) -> None:
        self._words: list[str] = []

    def parts(self, root: Any) -> Iterator[Part]:
        yield from self._walk(root, 0)
        yield from self._flush()

    def _flush(self, level: int = 0) -> Iterator[Part]:
        yield from text_part("".join(self._words), None, level)
        self._words = []

    def _walk(self, element: Any, depth: int) -> Iterator[Part]:
        name = local_name(element).lower()
        if name in _UNSEEN or not name or depth > _DEEPEST or element.get("hidden") is not None:
            return
        if name in _INLINE:
            yield from self._inside(element, depth)
            return
        yield from self._flush()
        if name == "table" and _is_data(element):
            yield from table_parts([_cells(row) for row in element.iter("tr")])
        elif name == "img":
            yield from _picture(element.get("src", ""))
            yield from text_part(element.get("alt") or "")
        else:
            yield from self._inside(element, depth)
            yield from self._flush(int(name[1]) if re.fullmatch("h[1-6]", name) else 0)

    def _inside(self, element: Any, depth: int) -> Iterator[Part]:
        self._words.append(element.text or "")
        for child in element:
            yield from self._walk(child, depth + 1)
            self._words.append(child.tail or "")


def _is_data(table: Any) -> bool:
    """A table of cells, and not one that arranges a page."""
    return len(table.findall(".//tr")) > 1 and table.find(".//table") is None and table.find(".//td//div") is None


def _cells(row: Any) -> list[str]:
    return [" ".join(" ".join(cell.itertext()).split()) for cell in row if local_name(cell) in ("td", "th")]


def _picture(source: str) -> Iterator[Part]:
    """A picture that is within the page; others are not fetched."""
    begin = _DATA_URL.match(source)
    if begin:
        try:
            yield {"page": None, "picture": base64.b64decode(unquote(source[begin.end() :]))}
        except (binascii.Error, ValueError):  # no picture
            return


def book(document: Document) -> Iterator[Part]:
    """Yields the chapters of an electronic book in the order of reading, and its pictures."""
    with document.unzipped() as archive:
        container = parse_xml(archive.read("META-INF/container.xml"))
        package_name = next(each.get("full-path") for each in container.iter() if local_name(each) == "rootfile")
        package, base = parse_xml(archive.read(package_name)), posixpath.dirname(package_name)
        document.tags = {
            {"creator": "author"}.get(local_name(each), local_name(each)): each.text or ""
            for each in package.iter()
            if local_name(each) in ("title", "creator", "subject", "description")
        }
        items = {each.get("id"): each for each in package.iter() if local_name(each) == "item"}
        order = [each.get("idref") for each in package.iter() if local_name(each) == "itemref"]
        names, locked = set(archive.namelist()), _encrypted(archive)
        pictures = [item for item in items.values() if item.get("media-type", "").startswith("image/")]
        for item in (*(items[name] for name in order if name in items), *pictures):
            path = posixpath.normpath(posixpath.join(base, unquote(item.get("href", ""))))
            if path in locked:
                raise Unread("what is from here on is encrypted: the book is protected (DRM)")
            if path not in names:
                continue
            content = archive.read(path)
            if item in pictures:
                yield {"page": None, "picture": content}
            elif (page := _parsed(content)) is not None:
                yield from _Walk().parts(page)


def _encrypted(archive: zipfile.ZipFile) -> set[str]:
    """Names of what is encrypted; fonts are in many books."""
    name = "META-INF/encryption.xml"
    listed = parse_xml(archive.read(name)).iter() if name in archive.namelist() else ()
    return {unquote(each.get("URI", "")) for each in listed if local_name(each) == "CipherReference"}


def mail(document: Document) -> Iterator[Part]:
    """Yields a mail: its subject as a heading, who wrote it to whom, its text, and pictures within it."""
    message = message_from_bytes(document.path.read_bytes(), policy=default)
    told = {name: str(message.get(name) or "") for name in _HEADERS}
    document.tags = {"title": told["Subject"], "author": told["From"], "date": told["Date"]}
    yield from text_part(told["Subject"], None, 1)
    for name in ("From", "To", "Cc", "Date"):
        yield from text_part(f"{name}: {told[name]}" if told[name] else "")
    body: Any = message.get_body(("plain", "html"))
    if body is not None:
        yield from _body(body)
    for part in message.iter_attachments():
        if part.get_content_maintype() == "image":
            yield {"page": None, "picture": part.get_payload(decode=True) or b""}
    document.attached = [_name_of(part) for part in _attached(message)]


def attached_file(path: Path, number: int) -> bytes | None:
    """Reads a file that is attached to a mail; they count from 1. None where there is none."""
    message = message_from_bytes(path.read_bytes(), policy=default)
    part = next(islice(_attached(message), number - 1, None), None)
    if part is None or not part.is_multipart():
        return None if part is None else part.get_payload(decode=True) or b""
    whole = part.get_payload(0) if part.get_content_type() == "message/rfc822" else part
    return bytes(whole.as_bytes())


def _attached(message: EmailMessage) -> Iterator[Any]:
    """Files and mails; pictures are parts of the mail itself."""
    return (part for part in message.iter_attachments() if part.get_content_maintype() != "image")


def _name_of(part: Any) -> str:
    if name := part.get_filename():
        return str(name)
    if part.get_content_type() == "message/rfc822":
        subject = part.get_payload(0).get("Subject") if part.is_multipart() else ""
        return f"{' '.join(str(subject or 'mail').split())}.eml"
    return f"attachment{guess_extension(part.get_content_type()) or ''}"


def _body(body: EmailMessage) -> Iterator[Part]:
    content = body.get_payload(decode=True)
    if not isinstance(content, bytes):
        return
    if body.get_content_subtype() == "html":
        page = _parsed(content)
        yield from _Walk().parts(page) if page is not None else ()
        return
    charset = body.get_content_charset() or "utf-8"
    try:
        text = content.decode(charset, "replace")
    except LookupError:  # no such charset
        text = decoded(content)
    yield from paragraphs(text)
