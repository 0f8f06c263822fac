"""Documents with something in them that cannot be read, or that is missing: the reason is told, the rest is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from medley.errors import CorruptMedia
from tests.documents_of_all_kinds import MAKERS, book, open_text
from tests.media.test_documents import asset_at, parts_of
from tests.media.test_documents_of_others import Change, replaced, rewritten

MANIFEST = "<m:manifest xmlns:m='m'><m:encryption-data/></m:manifest>"
ENCRYPTION = "<encryption><CipherReference URI='OEBPS/text/b.xhtml'/></encryption>"


@pytest.mark.parametrize(
    ("name", "make", "member", "content", "why"),
    [
        ("a.odt", open_text, "META-INF/manifest.xml", MANIFEST, "it needs a password"),
        ("a.epub", book, "META-INF/encryption.xml", ENCRYPTION, "is protected (DRM)"),
    ],
)
def test_locked_documents(
    tmp_path: Path, name: str, make: Callable[[Path], None], member: str, content: str, why: str
) -> None:
    make(tmp_path / name)
    rewritten(tmp_path / name, {member: lambda _: content.encode()})
    with pytest.raises(CorruptMedia) as raised:
        parts_of(tmp_path / name)
    assert why in str(raised.value)
    assert asset_at(tmp_path / name).path in str(raised.value)


def html_within(content: bytes) -> bytes:
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/aFChunk"
    return content.replace(
        b"</Relationships>", f'<Relationship Id="h" Type="{kind}" Target="h.html"/></Relationships>'.encode()
    )


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        ("a.xlsx", {"xl/_rels/workbook.xml.rels": replaced("sheet2.xml", "gone.xml")}, "1 of its sheets are missing"),
        (
            "a.pptx",
            {"ppt/_rels/presentation.xml.rels": replaced("slide2.xml", "gone.xml")},
            "1 of its slides are missing",
        ),
        (
            "a.docx",
            {"word/_rels/document.xml.rels": html_within, "word/h.html": lambda _: b"<p>more</p>"},
            "1 other documents within it are not read",
        ),
    ],
)
def test_what_is_missing_or_not_read_is_told(tmp_path: Path, name: str, changes: dict[str, Change], why: str) -> None:
    MAKERS[name](tmp_path / name)
    rewritten(tmp_path / name, changes)
    parts, read = parts_of(tmp_path / name)
    assert "Cities are large." in [part.text for part in parts]
    assert why in read.damage
