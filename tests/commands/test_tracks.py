"""All tracks of a file: of sound, of subtitles and of pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medley.transcript import said_once
from medley.types import Segment, Word
from tests.conftest import Medley
from tests.variants import ffmpeg
from tests.world.evaluation import DIRECTORY


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two pictures; four sounds, the third as the first, the fourth silent; two subtitles."""
    (tmp_path / "a.srt").write_text("1\n00:00:00,500 --> 00:00:03,000\nThe tide comes in\n")
    (tmp_path / "b.srt").write_text("1\n00:00:00,500 --> 00:00:03,000\nDie Flut kommt\n")
    pictures = [part for name in ("000.jpg", "017.jpg") for part in ("-loop", "1", "-t", "5", "-i", DIRECTORY / name)]
    sounds = [part for name in ("00.ogg", "01.ogg", "00.ogg") for part in ("-i", DIRECTORY / name)]
    silence = ("-f", "lavfi", "-t", "5", "-i", "anullsrc")
    texts = ("-i", tmp_path / "a.srt", "-i", tmp_path / "b.srt")
    maps = [part for n in range(8) for part in ("-map", n)]
    languages = ("-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=ger")
    ffmpeg(
        *pictures, *sounds, *silence, *texts, *maps, *languages, "-r", "10", "-c:v", "libx264", tmp_path / "film.mkv"
    )
    return tmp_path / "film.mkv"


def best(medley: Medley, query: str, modality: str) -> dict[str, Any]:
    found: dict[str, Any] = medley("search", query, "--modality", modality, "--limit", "1", "--json").report
    return dict(found["hits"][0]["evidence"][0])


def test_all_that_is_heard_and_shown(medley: Medley, film: Path, tmp_path: Path) -> None:
    out, every = tmp_path / "out", ("--speech.track", "all", "--frames.track", "all", "--speech.subtitle_track", "all")
    item = medley("video", film, *every, "--json", "--export", out).report["items"][0]
    assert (item["status"], item["records"]["frame"]) == ("complete", 2)
    assert "sound track 4 is silence" in item["notes"]
    told = json.loads((out / "film.json").read_text())
    assert {one["track"] for one in told["segments"]} == {1, 2}, "the third says what the first one does"
    said = {track: [one["text"] for one in told["segments"] if one["track"] == track] for track in (1, 2)}
    assert said[1][0] in (out / "film.srt").read_text()
    assert said[2][0] in (out / "film.track-2.srt").read_text()
    assert said[2][0] not in (out / "film.srt").read_text()
    assert [(one["track"], one["language"]) for one in told["subtitles"]] == [(1, "en"), (2, "de")]

    assert (best(medley, said[2][0], "speech")["track"], best(medley, said[1][0], "speech")["track"]) == (2, 1)
    assert best(medley, "Flut", "speech")["text"] == "Die Flut kommt"
    assert best(medley, "a red circle", "frame")["track"] is None, "the main one"
    assert best(medley, "a green square", "frame")["track"] == 2

    item = medley("video", film, "--json").report["items"][0]
    assert (item["records"]["speech"], item["records"]["frame"]) == (2, 1)
    assert best(medley, "a green square", "frame")["track"] is None, "what the other tracks had is gone"
    assert best(medley, said[2][0], "speech")["track"] is None
    item = medley("video", film, "--frames.ocr", "off", "--speech.subtitles", "ignore", "--json").report["items"][0]
    assert (item["status"], item["records"]["speech"]) == ("complete", 1)
    assert medley("verify", "--json").report["records"] == 2
    refused = medley("video", film, "--frames.track", "3", "--json").report["items"][0]
    assert "has no picture track 3, only 2" in str(refused["errors"])


def test_sounds_that_subtitles_take_the_place_of_are_named(medley: Medley, film: Path) -> None:
    item = medley("video", film, "--speech.subtitle_track", "1", "--json").report["items"][0]
    assert (item["status"], item["records"]["speech"]) == ("complete", 1)
    assert "its 4 sound tracks are not heard (--speech.track all)" in item["notes"]


def test_what_two_tracks_say_at_once_is_said_once() -> None:
    def segment(track: int, start_s: float, text: str) -> Segment:
        return Segment(start_s, start_s + 2, text, (Word(start_s, start_s + 2, text),), track=track)

    mix = [segment(1, 0.0, "Good morning."), segment(1, 5.0, "Good morning.")]
    other = [segment(2, 0.4, "good morning"), segment(2, 2.0, "Who is there?"), segment(2, 20.0, "Good morning.")]
    assert said_once([*mix, *other]) == [*mix, *other[1:]]
