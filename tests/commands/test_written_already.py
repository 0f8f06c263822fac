"""Subtitles and chapters through the whole way: found by search, exported, and no model hears what is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import SAMPLE, Medley
from tests.variants import ffmpeg

CUES = ((2.0, 4.5, "The annual budget of the harbour"), (21.0, 23.0, "Whales are mammals"), (40.0, 44.0, "Thank you"))
SUBTITLES = {"read_subtitles", "chunk_subtitles", "embed_subtitles", "write_subtitles"}
TITLES = ("Of money", "Of giraffes")


def as_srt() -> str:
    def stamp(at: float) -> str:
        return f"00:00:{int(at):02d},{round(at % 1 * 1000):03d}"

    cues = (f"{n}\n{stamp(a)} --> {stamp(b)}\n{text}\n" for n, (a, b, text) in enumerate(CUES, 1))
    return "\n".join(cues)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """The sample with other subtitles than what is said, and with chapters."""
    (tmp_path / "a.srt").write_text(as_srt())
    chapters = (f"[CHAPTER]\nTIMEBASE=1/1\nSTART={23 * n}\nEND={23 * n + 23}\ntitle={t}" for n, t in enumerate(TITLES))
    (tmp_path / "chapters.txt").write_text("\n".join([";FFMETADATA1", *chapters]))
    path = tmp_path / "film.mkv"
    inputs = ("-i", SAMPLE, "-i", tmp_path / "a.srt", "-i", tmp_path / "chapters.txt")
    ffmpeg(*inputs, "-map", "0", "-map", "1", "-map_chapters", "2", "-c", "copy", "-c:s", "srt", path)
    return path


def test_subtitles_take_the_place_of_hearing(medley: Medley, film: Path, tmp_path: Path) -> None:
    item = medley("video", film, "--json", "--export", tmp_path / "out").report["items"][0]
    states = {stage["name"]: stage["state"] for stage in item["stages"]}
    assert (item["status"], states["extract_audio"], states["transcribe"]) == ("complete", "skipped", "skipped")
    assert (item["records"]["speech"], item["records"]["chapter"]) == (3, 2)
    assert "its subtitles are read" in item["notes"]

    hit = medley("search", "whales are mammals", "--limit", "1", "--json").report["hits"][0]
    assert (hit["text"], hit["start_s"], hit["end_s"]) == ("Whales are mammals", 21.0, 23.0)
    hit = medley("search", "giraffes", "--modality", "chapter", "--limit", "1", "--json").report["hits"][0]
    assert (hit["text"], hit["start_s"], hit["end_s"]) == ("Of giraffes", 23.0, 46.0)

    exported = json.loads((tmp_path / "out" / "film.json").read_text())
    assert [(s["start_s"], s["end_s"], s["text"]) for s in exported["segments"]] == list(CUES)
    assert [chapter["title"] for chapter in exported["chapters"]] == list(TITLES)
    assert "Whales are mammals" in (tmp_path / "out" / "film.vtt").read_text()


@pytest.mark.whole  # make test-hard has it
def test_other_uses_of_subtitles(medley: Medley, film: Path) -> None:
    def spoken() -> set[str]:
        hits = medley("search", "museum whales", "--modality", "speech", "--limit", "20", "--json").report["hits"]
        return {piece["text"] for hit in hits for piece in hit["evidence"]}

    medley("video", film, "--speech.subtitles", "beside", "--json")
    assert {"Whales are mammals"} < spoken()
    assert any("welcome to the museum" in text for text in spoken())
    medley("video", film, "--json")
    assert spoken() == {text for *_, text in CUES}, "what a model heard is gone where subtitles take its place"
    medley("video", film, "--speech.subtitles", "ignore", "--json")
    assert "Whales are mammals" not in spoken()
    assert any("welcome to the museum" in text for text in spoken())


def test_subtitles_beside_a_video(medley: Medley, tmp_path: Path) -> None:
    """They come, change and go; what was heard is not kept beside them, and comes back."""
    folder, beside = tmp_path / "in", tmp_path / "in" / "talk.srt"
    folder.mkdir()
    ffmpeg("-i", SAMPLE, "-vn", "-c", "copy", folder / "talk.m4a")

    def states() -> dict[str, str]:
        [item] = medley("ingest", folder, "--json").report["items"]
        return {stage["name"]: stage["state"] for stage in item["stages"]}

    def spoken() -> set[str]:
        hits = medley("search", "museum whales", "--modality", "speech", "--limit", "20", "--json").report["hits"]
        return {piece["text"] for hit in hits for piece in hit["evidence"]}

    beside.write_text(as_srt())
    first = states()
    assert (first["read_subtitles"], first["transcribe"]) == ("completed", "skipped")
    assert spoken() == {text for *_, text in CUES}
    assert states() == {}, "nothing has changed"

    beside.write_text(as_srt().replace("Whales", "Dolphins"))
    assert "changed" in medley("plan", folder).out
    again = states()
    assert {name for name, state in again.items() if state == "completed"} == SUBTITLES
    assert spoken() == {text.replace("Whales", "Dolphins") for *_, text in CUES}

    beside.unlink()
    assert states()["transcribe"] == "completed"
    assert not spoken() & {text for *_, text in CUES}
