"""Speakers through the whole way: labelled, found by number, then by a name that holds in other files."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Medley
from tests.world.dialogue import Spoken, different_voices, make_dialogue

pytestmark = pytest.mark.synthesisers


@pytest.fixture
def talks(tmp_path: Path) -> tuple[Path, list[Spoken], list[Spoken]]:
    """Two dialogues: two of the three voices of the first one speak in the second one."""
    voices = different_voices(random.Random(5), 3)
    folder = tmp_path / "talks"
    folder.mkdir()
    first = make_dialogue(folder / "first.wav", voices, seed=1, turns=8)
    return folder, first, make_dialogue(folder / "second.wav", voices[1:], seed=2, turns=6)


def test_a_name_holds_in_every_file(
    medley: Medley, talks: tuple[Path, list[Spoken], list[Spoken]], tmp_path: Path
) -> None:
    folder, first, second = talks
    number = labelled(medley, folder, first, tmp_path)
    how = ("--modality", "speech", "--limit", "30", "--json")
    by_number = medley("search", "the museum", "--file", folder / "first.wav", "--speaker", str(number), *how).report
    assert {hit["speaker"] for hit in by_number["hits"]} == {f"Speaker {number}"}

    both = medley(
        "search", "the museum", "--speaker", str(number), "--file", folder / "first.wav", "--language", "eng", *how
    )
    assert len(both.report["hits"]) == len(by_number["hits"])
    none = medley("search", "the museum", "--language", "de", *how).report
    assert (none["hits"], "language de leaves nothing" in none["notes"][0]) == ([], True)

    refused = medley("search", "the museum", "--speaker", "Ada Tern")
    assert refused.code == 2
    assert "no speaker is called Ada Tern" in refused.err
    medley("speakers", folder / "first.wav", "--name", f"{number}=Ada Tern")
    found = medley("search", "the museum", "--speaker", "ada tern", *how).report["hits"]
    assert {Path(hit["path"]).name for hit in found} == {"first.wav", "second.wav"}
    assert {hit["speaker"] for hit in found} == {"Ada Tern"}
    assert all(speaks(hit, first, 1) if hit["path"].endswith("first.wav") else speaks(hit, second, 0) for hit in found)
    assert medley("speakers", "--json").report["names"][0]["files"] == 2
    medley("speakers", "--forget", "Ada Tern")
    assert medley("speakers", "--json").report["names"] == []


def speaks(hit: dict[str, Any], spoken: list[Spoken], who: int) -> bool:
    middle_s = (hit["start_s"] + hit["end_s"]) / 2
    return min(spoken, key=lambda one: max(one[0] - middle_s, middle_s - one[1]))[2] == who


def labelled(medley: Medley, folder: Path, first: list[Spoken], tmp_path: Path) -> int:
    """Looks at what an ingest has made of both; returns the number that the second voice has in the first file."""
    report = medley("ingest", folder, "--speech.speakers", "true", "--json", "--export", tmp_path / "out").report
    assert {item["status"] for item in report["items"]} == {"complete"}
    assert sorted(item["records"]["voice"] for item in report["items"]) == [2, 3]
    exported = json.loads((tmp_path / "out" / "first.json").read_text())
    assert {segment["speaker"] for segment in exported["segments"]} == {1, 2, 3}
    assert {segment["language"] for segment in exported["segments"]} == {"en"}
    assert "Speaker 1: " in (tmp_path / "out" / "first.srt").read_text()

    told = medley("speakers", folder / "first.wav", "--json").report["speakers"]
    assert [one["speaker"] for one in told] == [1, 2, 3]
    assert all(one["name"] is None for one in told)
    begin_s, end_s = next((begin_s, end_s) for begin_s, end_s, who, _ in first if who == 1)
    return next(t["speaker"] for t in exported["turns"] if t["start_s"] < (begin_s + end_s) / 2 < t["end_s"])
