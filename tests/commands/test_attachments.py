"""Files that are attached to mails and PDFs: items of their own that name the file around them."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from medley.attached import attached_url, parent_of, roots
from medley.catalog import open_catalog
from medley.catalog.known import attached_paths
from medley.settings import Settings
from tests.conftest import Medley
from tests.documents import pdf, text


def mail(subject: str, *files: tuple[str, bytes], within: EmailMessage | None = None) -> EmailMessage:
    """A mail with files, and perhaps with another mail."""
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = subject, "Ada <ada@example.org>", "Bob <bob@example.org>"
    made["Message-ID"] = "<1@example.org>"
    made.set_content(f"Please look at what I send along about {subject}.\n")
    for name, content in files:
        made.add_attachment(content, "application", "octet-stream", filename=name)
    if within is not None:
        made.add_attachment(within)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A mail with a PDF and another mail, which has a note; the PDF has a table."""
    made = tmp_path / "in"
    made.mkdir()
    plain, report = tmp_path / "plain.pdf", tmp_path / "report.pdf"
    pdf(plain, text((72, 100, "The harbour was dredged in spring.")))
    document = pypdfium2.PdfDocument(plain)
    document.new_attachment("depths.csv").set_data(b"place,metres\nquay,seven\nlighthouse,eleven\n")
    document.save(report)
    inner = mail("glaciers", ("note.md", b"# Ice\n\nGlaciers melt from below.\n"), ("odd.xyz", b"\0\1\2\3"))
    whole = mail("the harbour", ("../report.pdf", report.read_bytes()), within=inner)
    (made / "letter.eml").write_bytes(bytes(whole))
    return made


def by_name(report: dict[str, Any]) -> dict[str, str]:
    return {item["path"].rpartition("/")[2]: item["status"] for item in report["items"]}


def test_they_are_found_and_name_what_they_are_in(medley: Medley, folder: Path, settings: Settings) -> None:
    letter = folder / "letter.eml"
    first = medley("ingest", folder, "--json")
    assert first.code == 0, first.err
    assert by_name(first.report) == {
        "letter.eml": "complete",
        ".._report.pdf": "complete",
        "glaciers.eml": "complete",
        "note.md": "complete",
        "odd.xyz": "skipped",
        "depths.csv": "complete",
    }
    [entry] = [item for item in first.report["items"] if item["path"] == str(letter)]
    assert entry["attached"] == [f"attached://{letter}!/1/.._report.pdf", f"attached://{letter}!/2/glaciers.eml"]
    hits = {
        words: medley("search", words, "--limit", "1", "--json").report["hits"][0]
        for words in ("glaciers melt from below", "lighthouse eleven metres", "harbour was dredged in spring")
    }
    note, table, page = hits.values()
    assert note["path"] == f"attached://{letter}!/2/glaciers.eml!/1/note.md"
    assert note["parent"] == f"attached://{letter}!/2/glaciers.eml"
    assert table["parent"] == page["path"] == f"attached://{letter}!/1/.._report.pdf"
    within = medley("search", "melt", "--file", letter, "--json").report["hits"]
    assert note["record_id"] in {hit["record_id"] for hit in within}
    again = medley("ingest", folder, "--json")
    assert set(by_name(again.report).values()) == {"unchanged", "skipped"}
    assert medley("verify").code == 0
    assert "forgot 5 assets" in medley("forget", letter).out
    assert attached_paths(open_catalog(settings).engine) == []
    assert medley("search", "glaciers", "--json").report["hits"] == []


def test_what_is_attached_no_more_goes(medley: Medley, folder: Path, settings: Settings) -> None:
    assert medley("ingest", folder).code == 0
    (folder / "letter.eml").write_bytes(bytes(mail("the harbour", ("new.md", b"# New\n\nA crane was bought.\n"))))
    changed = medley("ingest", folder, "--json")
    assert by_name(changed.report) == {"letter.eml": "complete", "new.md": "complete"}
    assert attached_paths(open_catalog(settings).engine) == [f"attached://{folder}/letter.eml!/1/new.md"]
    (folder / "letter.eml").unlink()
    assert medley("ingest", folder, "--prune").code == 0
    assert attached_paths(open_catalog(settings).engine) == []
    assert medley("search", "crane", "--json").report["hits"] == []


def test_they_stay_where_the_file_around_them_is_partial(
    medley: Medley, folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDLEY_ALLOW_FAULTS", "true")
    monkeypatch.setenv("MEDLEY_FAULTS", '{"document_pictures": "CorruptMedia"}')
    first = by_name(medley("ingest", folder, "--json").report)
    assert first["letter.eml"] == "partial"
    known = attached_paths(open_catalog(settings).engine)
    again = by_name(medley("ingest", folder, "--json").report)
    assert (again["letter.eml"], again.keys()) == ("partial", first.keys())
    assert attached_paths(open_catalog(settings).engine) == known
    assert medley("search", "harbour was dredged in spring", "--limit", "1", "--json").report["hits"][0]["parent"]


def test_names() -> None:
    inner = attached_url(attached_url("/a b/m.eml", 2, "x/y.eml"), 1, "z.pdf")
    assert inner == "attached:///a b/m.eml!/2/x_y.eml!/1/z.pdf"
    assert parent_of(inner) == "attached:///a b/m.eml!/2/x_y.eml"
    assert parent_of(parent_of(inner) or "") == "/a b/m.eml"
    assert parent_of("/a b/m.eml") is None
    assert attached_url("s3://bucket/m.eml", 1, "a.pdf") == "attached://s3://bucket/m.eml!/1/a.pdf"
    assert roots("/a b") == ("attached:///a b!/", "attached:///a b/")


def test_a_file_whose_name_looks_like_a_step(tmp_path: Path) -> None:
    odd = tmp_path / "what!" / "1" / "m.eml"
    odd.parent.mkdir(parents=True)
    odd.touch()
    assert parent_of(attached_url(str(odd), 3, "a.pdf")) == str(odd)
