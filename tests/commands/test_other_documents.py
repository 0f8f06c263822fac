"""Documents that are no PDFs through the whole way: found under their headings, exported, texts told from lists."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import Medley
from tests.documents_of_all_kinds import MAKERS, png


def test_documents_of_all_kinds_are_found(medley: Medley, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, make in MAKERS.items():
        make(folder / name.replace("a.", f"{name[2:]}."))
    (folder / "code.py").write_text("print('not a document')\n")
    report = medley("ingest", folder, "--json", "--export", tmp_path / "out").report
    states = {Path(item["path"]).name: item["status"] for item in report["items"]}
    attached = {"a.pdf": "failed"}  # to the mail: no whole PDF
    assert states == {**{f"{name[2:]}.{name[2:]}": "complete" for name in MAKERS}, "code.py": "skipped", **attached}

    hits = medley("search", "people of Oslo", "--kind", "document", "--limit", "10", "--json").report["hits"]
    told = {Path(hit["path"]).suffix: hit for hit in hits if "Oslo | 700000" in hit["text"]}
    assert set(told) == {".docx", ".pptx", ".xlsx", ".odt", ".html", ".epub", ".md", ".csv"}
    assert told[".docx"]["text"].startswith("Of cities › Of people: city | people")
    assert (told[".pptx"]["page"], told[".xlsx"]["page"], told[".odt"]["page"]) == (2, 2, None)
    assert told[".odt"]["title"] == "Cities"

    (tmp_path / "red.png").write_bytes(png("red"))
    like = medley("search", "--like", tmp_path / "red.png", "--modality", "image", "--limit", "10", "--json").report
    with_pictures = {".docx", ".pptx", ".odt", ".html", ".epub", ".eml"}
    assert {Path(hit["path"]).suffix for hit in like["hits"]} == with_pictures

    exported = json.loads((tmp_path / "out" / "docx.json").read_text())
    assert [page["page"] for page in exported["pages"]] == [1, 2]
    assert "### " not in (tmp_path / "out" / "docx.md").read_text()
    assert "## Of people\n\n| city | people |\n| --- | --- |\n| Paris |" in (tmp_path / "out" / "docx.md").read_text()
    assert (tmp_path / "out" / "docx.table-001.csv").read_text().splitlines()[1] == "Paris,2100000"


def test_a_text_is_a_list_where_it_names_files(medley: Medley, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("See https://example.org for more.\n\nThe zebra has stripes.\n")
    (tmp_path / "list.txt").write_text("# files\nnotes.txt\n")
    [item] = medley("ingest", tmp_path / "list.txt", "--json").report["items"]
    assert (Path(item["path"]).name, item["status"]) == ("notes.txt", "complete")
    [item] = medley("ingest", tmp_path / "notes.txt", "--json").report["items"]
    assert (Path(item["path"]).name, item["status"]) == ("notes.txt", "unchanged")
    (tmp_path / "names").write_text("gone.mp4\nlost.mp4\n")
    [item] = medley("ingest", tmp_path / "names", "--json").report["items"]
    assert "none of its first lines names one that exists" in item["error"]["message"]


def test_what_is_not_read_is_named_with_the_reason(medley: Medley, tmp_path: Path) -> None:
    """Of a folder, what is left out; of what is given by name, why it failed."""
    folder, letter = tmp_path / "docs", tmp_path / "docs" / "letter.rtf"
    folder.mkdir()
    letter.write_text("{\\rtf1 hello}")
    (folder / "old.doc").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    answer = medley("ingest", folder)
    assert (answer.code, "2 skipped" in answer.out) == (0, True)
    assert "1 skipped: an RTF document; save it as DOCX or PDF (" in answer.out
    assert "1 skipped: an old Office document, or one with a password; export it as PDF (" in answer.out

    for path, why in ((letter, "is an RTF document"), (folder / "gone.mp4", "does not exist")):
        answer = medley("ingest", path)
        assert (answer.code, f"{path}: {why}" in answer.err) == (1, True)
