"""Documents of each kind: words, headings, cells and pictures, exactly; hostile ones end in an error of ours."""

from __future__ import annotations

import contextlib
import random
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml

from medley.errors import BadInput, CorruptMedia, TooLarge
from medley.export import markdown as markdown_of
from medley.media.documents import Part, document_type, find_pictures, read_document, read_parts
from medley.media.sniff import HEAD_BYTES
from medley.setting_groups import Limits
from medley.types import DOCUMENTS, Asset, MediaInfo
from tasks.documents import exported
from tests.documents_of_all_kinds import CELLS, MAKERS, NAMES, mail, open_text, png, slides
from tests.fakes import asset_id

LIMITS = Limits()


def asset_at(path: Path) -> Asset:
    with path.open("rb") as file:
        found = document_type(file.read(HEAD_BYTES), path.name)
    assert found, path
    return Asset(asset_id(path.name), str(path), path.stat().st_size, MediaInfo("", found))


def parts_of(path: Path) -> tuple[list[Part], Any]:
    made = path.parent / "made"
    made.mkdir()
    read = read_document(asset_at(path), made, LIMITS)
    return read_parts(made), read


SLIDES = {"a.pptx": (1, 2), "a.xlsx": (1, 2), "a.docx": (1, 1)}


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx", "a.odt", "a.html", "a.epub", "a.md"])
def test_words_headings_and_cells_are_exact(tmp_path: Path, name: str) -> None:
    MAKERS[name](tmp_path / name)
    parts, read = parts_of(tmp_path / name)
    first, second = SLIDES.get(name, (None, None))
    above = () if name in ("a.pptx", "a.xlsx") else ("Of cities",)
    assert read.damage == ""
    assert [(p.page, p.level, p.headings) for p in parts if p.text == "Of cities"] == [(first, 1, ())]
    assert [(p.page, p.headings) for p in parts if p.text == "Cities are large."] == [(first, ("Of cities",))]
    [table] = [part for part in parts if len(part.cells) == 3]
    assert (table.page, table.headings, table.cells) == (second, (*above, "Of people"), CELLS)
    if name != "a.md":
        assert dict(read.about) == {"title": "Cities", "author": "Ada"}
    assert "| Paris | 2100000 |" in markdown_of(exported(tmp_path / "made")["pages"])
    files = sorted((tmp_path / "made").glob("*.csv"))
    assert "city,people\n" in files[-1 if name != "a.pptx" else 0].read_text().replace("\r\n", "\n")


def test_what_else_is_in_a_slide(tmp_path: Path) -> None:
    slides(tmp_path / "a.pptx")
    parts, _ = parts_of(tmp_path / "a.pptx")
    assert [part.page for part in parts if part.text == "Say hello."] == [1]
    assert (("", "Rain"), ("North", "3")) in [part.cells for part in parts]


def test_pages_of_word_and_what_stands_in_boxes(tmp_path: Path) -> None:
    made = docx.Document()
    made.add_paragraph("First.")
    box = (
        '<w:r xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:pict><w:txbxContent>'
        "<w:p><w:r><w:t>In a box.</w:t></w:r></w:p></w:txbxContent></w:pict></w:r>"
    )
    made.paragraphs[0]._p.append(parse_xml(box))
    made.add_page_break()
    made.add_paragraph("Second page.")
    made.save(str(tmp_path / "a.docx"))
    parts, _ = parts_of(tmp_path / "a.docx")
    assert [(part.page, part.text) for part in parts] == [(1, "First."), (1, "In a box."), (2, "Second page.")]


def test_a_mail_is_read_and_its_attachments_are_told_of(tmp_path: Path) -> None:
    mail(tmp_path / "a.eml")
    parts, read = parts_of(tmp_path / "a.eml")
    texts = [part.text for part in parts]
    assert texts[0] == "Of cities"
    assert {"From: Ada <ada@example.org>", "Cities are large.", "See the table."} < set(texts)
    assert read.notes == ("1 attached file: items of their own for ingest",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_pages_that_say_which_encoding_they_have(tmp_path: Path, encoding: str) -> None:
    said = f'<?xml version="1.0" encoding="{encoding.replace("-sig", "")}"?><html><p>Größe zählt.</p></html>'
    (tmp_path / "a.xhtml").write_text(said, encoding=encoding)
    assert [part.text for part in parts_of(tmp_path / "a.xhtml")[0]] == ["Größe zählt."]


def test_a_page_that_leaves_its_body_out(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<!DOCTYPE html>\n<meta charset=utf-8><title>T</title><section><h1>One</h1>two")
    assert [part.text for part in parts_of(tmp_path / "a.html")[0]] == ["One", "two"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    said = "Die Größe zählt, und die Übung macht den Meister: schöne Grüße aus München."
    (tmp_path / "a.txt").write_bytes(said.encode(encoding))
    assert [part.text for part in parts_of(tmp_path / "a.txt")[0]] == [said]


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.odt", "a.html", "a.epub", "a.eml"])
def test_pictures_are_found(tmp_path: Path, name: str) -> None:
    MAKERS[name](tmp_path / name)
    [picture] = find_pictures(asset_at(tmp_path / name), tmp_path, LIMITS)
    assert (tmp_path / picture.name).read_bytes() == png("red")
    assert picture.page == {"a.docx": 1, "a.pptx": 2}.get(name)
    assert (picture.box is not None) == (name == "a.pptx")


@pytest.mark.parametrize("name", MAKERS)
def test_kinds_are_known_by_content(tmp_path: Path, name: str) -> None:
    MAKERS[name](tmp_path / name)
    head = (tmp_path / name).read_bytes()[:HEAD_BYTES]
    assert document_type(head, name)
    renamed = name not in ("a.md", "a.txt", "a.csv", "a.docx", "a.pptx", "a.xlsx")  # Office may begin with other files
    if renamed:
        assert document_type(head, "renamed.bin") == document_type(head, name)
    assert document_type(b"\x00\x01\x02" + head, name) is None


def test_every_kind_that_is_taken_has_a_reader(tmp_path: Path) -> None:
    for kind in DOCUMENTS:
        (tmp_path / "a").write_bytes(b"\0 nothing of that kind")
        asset = Asset(asset_id(kind), str(tmp_path / "a"), 23, MediaInfo("", kind))
        with contextlib.suppress(CorruptMedia):  # and not UnsupportedMedia
            read_document(asset, tmp_path, LIMITS)


def test_an_archive_that_unpacks_to_too_much(tmp_path: Path) -> None:
    open_text(tmp_path / "a.odt")
    with zipfile.ZipFile(tmp_path / "a.odt", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.xml", b"0" * (5 << 20))
    with pytest.raises(TooLarge, match="unpacks to more than 4 MB"):
        read_document(asset_at(tmp_path / "a.odt"), tmp_path, LIMITS.model_copy(update={"output_mb": 4}))


def test_entities_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the secret")
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    declared = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}<!ENTITY file SYSTEM "file://{tmp_path}/secret">]>'
    body = f"<office:body><office:text {NAMES}><text:p>seen &file;&l8;</text:p></office:text></office:body>"
    with zipfile.ZipFile(tmp_path / "a.odt", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", f"{declared}<office:document-content {NAMES}>{body}</office:document-content>")
    with contextlib.suppress(CorruptMedia):
        assert "secret" not in "".join(part.text for part in parts_of(tmp_path / "a.odt")[0])


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Cut, torn, or with other bytes in places."""
    way = rng.randrange(4)
    if way == 0:
        return content[: rng.randrange(30, len(content))]
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 40)):
        changed[rng.randrange(4, len(changed))] = rng.randrange(256)
    at = rng.randrange(len(content))
    return bytes(changed) if way < 3 else content[:at] + bytes(changed[: rng.randrange(len(content))])


@dataclass(frozen=True)
class Hurt:
    """A document that is damaged as its number says."""

    number: int

    @property
    def name(self) -> str:
        return str(self.number)


TABLE = [Hurt(number) for number in range(300)]


@pytest.mark.table(share=12)
def test_hostile_documents_are_bounded_and_typed(tmp_path: Path, case: Hurt) -> None:
    rng = random.Random(case.number)
    name = rng.choice(list(MAKERS))
    MAKERS[name](tmp_path / name)
    whole = asset_at(tmp_path / name)
    hurt = tmp_path / f"hurt-{name}"
    hurt.write_bytes(damaged((tmp_path / name).read_bytes(), rng))
    asset = Asset(asset_id(case.name), str(hurt), hurt.stat().st_size, whole.media)
    with contextlib.suppress(BadInput):  # any other error is a fault of ours
        read_document(asset, tmp_path, LIMITS)
        find_pictures(asset, tmp_path, LIMITS)
