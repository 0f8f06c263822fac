"""The collection of samples through the whole way: slides, voices, chapters, subtitles, tables, two languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Medley
from tests.world.score import word_errors

COLLECTION = ROOT / "samples" / "collection"


@pytest.fixture
def indexed(medley: Medley, tmp_path: Path) -> Path:
    """All of it is in the index; its exports."""
    told = medley("ingest", COLLECTION, "--speech.speakers", "true", "--export", tmp_path, "--json").report
    assert {Path(item["path"]).name: item["status"] for item in told["items"]} == dict.fromkeys(
        ("bericht.md", "goods.pptx", "harbour.mp4", "lecture.mkv", "prices.csv"), "complete"
    )
    return tmp_path


def test_each_part_of_it_is_found(medley: Medley, indexed: Path) -> None:
    def best(query: str, *more: str) -> dict[str, Any]:
        report = medley("search", query, "--limit", "1", *more, "--json").report
        return dict(report["hits"][0] | {"name": Path(report["hits"][0]["path"]).name})

    slide = best("cranes need kilowatts", "--modality", "ocr")
    assert (slide["name"], round(slide["start_s"]), round(slide["end_s"])) == ("lecture.mkv", 0, 8)
    assert best("safety", "--modality", "chapter")["start_s"] == 24.0
    assert best("what does timber cost")["name"] in ("goods.pptx", "prices.csv")
    assert best("a pink heart")["start_s"] == 5.0
    german = best("Schiff", "--language", "de")
    assert (german["name"], german["start_s"] <= 5.0 <= german["end_s"]) == ("harbour.mp4", True)
    assert "Am Montag kommt ein großes Schiff." in german["text"]
    assert best("Eis im Winter", "--language", "de")["name"] == "bericht.md"


def test_the_lecture_is_read_and_heard(indexed: Path) -> None:
    told = json.loads((indexed / "lecture.json").read_text())
    truth = json.loads((COLLECTION.parent / "collection.lecture.json").read_text())
    shown = {round(one["start_s"]): one["text"].split() for one in told["on_screen"]}
    for begin_s, _, lines in truth["slides"]:
        assert " ".join(lines).split() == shown[round(begin_s)]
    said, wanted = (" ".join(one["text"] for one in part) for part in (told["segments"], truth["sentences"]))
    assert word_errors(wanted, said) <= 0.08 * len(wanted.split())
    assert len({one["voice"] for one in truth["sentences"]}) == len({one["speaker"] for one in told["segments"]}) == 3
