"""Chapters that nobody has named: where a talk changes its topic."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medley.subtitles import srt
from medley.types import Segment
from tests.conftest import Medley
from tests.openai_server import openai_server
from tests.variants import ffmpeg

_HARBOUR = [
    "Cranes lift the containers from the ships onto the quay.",
    "The harbour master tells each ship where it may moor.",
    "Tug boats pull large vessels to the docks at high tide.",
    "Sailors load cargo into the hold before the ship leaves the port.",
    "Dredgers keep the channel of the harbour deep enough for tankers.",
    "Customs officers inspect the containers that arrive by sea.",
]
_KITCHEN = [
    "Chop the onions and fry them slowly in butter.",
    "Add the flour, and stir until the sauce is thick.",
    "The dough has to rest for an hour before it is baked.",
    "Season the soup with salt, pepper and a bay leaf.",
    "Roast the chicken in the oven until its skin is crisp.",
    "Whisk the eggs with sugar for the cake.",
]
_SKY = [
    "The telescope shows the rings of Saturn and its moons.",
    "Galaxies move away from each other as the universe expands.",
    "A star that has burnt its hydrogen becomes a red giant.",
    "Comets are made of ice and dust from the edge of the solar system.",
    "Astronomers measure how far a star is by its parallax.",
    "The light of that nebula has travelled for a thousand years.",
]
_EACH_S = 15.0


def talk(directory: Path, *topics: list[str]) -> Path:
    """A video with subtitles, a sentence every fifteen seconds."""
    said = [sentence for topic in topics for sentence in topic]
    length_s = _EACH_S * len(said)
    ffmpeg("-f", "lavfi", "-i", f"testsrc=size=64x64:rate=5:duration={length_s}", directory / "talk.mp4")
    spoken = [Segment(n * _EACH_S, n * _EACH_S + 14.0, text, ()) for n, text in enumerate(said)]
    (directory / "talk.en.srt").write_text(srt(spoken))
    return directory / "talk.mp4"


def test_a_talk_is_parted_where_its_topic_changes(medley: Medley, tmp_path: Path) -> None:
    path = talk(tmp_path, _HARBOUR, _KITCHEN, _SKY)
    asked = ("video", path, "--export", tmp_path / "out", "--json")
    assert "chapter" not in {name for name, n in medley(*asked).report["items"][0]["records"].items() if n}
    [item] = medley(*asked, "--speech.topics", "true").report["items"]
    assert (item["status"], item["records"]["chapter"]) == ("complete", 3)
    done = {stage["name"] for stage in item["stages"] if stage["state"] == "completed"}
    assert done == {"find_subtitle_topics", "embed_subtitle_topics", "write_subtitle_topics"}, "nothing else again"
    chapters = json.loads((tmp_path / "out" / "talk.json").read_text())["chapters"]
    assert [round(one["start_s"] / _EACH_S) for one in chapters] == [0, 6, 12]
    [hit] = medley("search", "cooking recipes", "--modality", "chapter", "--file", path, "--limit", 1, "--json").report[
        "hits"
    ]
    assert hit["start_s"] == 6 * _EACH_S


def test_a_server_names_the_chapters(medley: Medley, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = talk(tmp_path, _HARBOUR, _KITCHEN)
    asked = (
        "video",
        path,
        "--export",
        tmp_path / "out",
        "--speech.topics",
        "true",
        "--speech.titles",
        "true",
        "--json",
    )
    assert medley(*asked).report["items"][0]["records"]["chapter"] == 2, "by their words, where no model is named"
    with openai_server() as served:
        monkeypatch.setenv("MEDLEY_CAPTIONER__BASE_URL", served.url)
        [item] = medley(*asked, "--captions.model", "namer", "--export", tmp_path / "out").report["items"]
    assert {stage["name"]: stage["tokens"] for stage in item["stages"] if stage["tokens"]} == {
        "name_subtitle_topics": 1824
    }
    chapters = json.loads((tmp_path / "out" / "talk.json").read_text())["chapters"]
    assert {one["title"] for one in chapters} == {"Of sea.", "Of cake."}, "the last words of what is said there"


def test_a_talk_about_one_thing_has_no_chapters(medley: Medley, tmp_path: Path) -> None:
    path = talk(tmp_path, _HARBOUR, _HARBOUR[::-1])
    [item] = medley("video", path, "--speech.topics", "true", "--json").report["items"]
    assert (item["status"], item["records"].get("chapter", 0)) == ("complete", 0)
