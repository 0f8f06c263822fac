"""Subtitles beside a video in a bucket: as beside one on a disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.engine.routing import files_of
from medley.errors import MedleyError, MissingFile
from medley.sources import bucket_sidecars
from medley.sources.bucket_sidecars import sidecars_at, video_at, with_sidecars_at
from medley.types import Asset
from tests.conftest import SAMPLE, Medley, put
from tests.fakes import MEDIA

URL = "s3://media/in"
SRT = "1\n00:00:01,000 --> 00:00:{:02d},000\n{}\n\n2\n00:00:40,000 --> 00:00:44,000\nThank you\n"


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each listing is looked at anew."""
    bucket_sidecars._kept.clear()
    monkeypatch.setattr(bucket_sidecars, "_KEPT_S", -1000.0)
    monkeypatch.setattr(bucket_sidecars, "_KEPT_TIMES", 0)


def test_which_subtitles_go_with_which_video(bucket: None) -> None:
    for name in ("talk.mp4", "film/a.mp4"):
        put(f"in/{name}", SAMPLE.read_bytes()[:5000])
    for name in ("talk.srt", "talk.en.vtt", "alone.srt", "film/talk.srt", "notes.srt", "notes.txt", "talk.2.srt"):
        put(f"in/{name}", b"x")
    assert sidecars_at(f"{URL}/talk.mp4") == [f"{URL}/talk.en.vtt", f"{URL}/talk.srt"]
    assert video_at(f"{URL}/talk.en.vtt") == f"{URL}/talk.mp4"
    assert [video_at(f"{URL}/{name}") for name in ("alone.srt", "notes.srt", "film/talk.srt", "talk.mp4")] == [None] * 4
    refused: list[tuple[str, MedleyError]] = []
    told = list(files_of([f"{URL}/talk.srt"], lambda path, error: refused.append((path, error))))
    assert (told, refused) == ([f"{URL}/talk.mp4"], [])
    below = {url.removeprefix(f"{URL}/") for url in files_of([URL], lambda path, error: None)}
    assert below == {"talk.mp4", "film/a.mp4", "alone.srt", "film/talk.srt", "notes.srt", "notes.txt", "talk.2.srt"}


def test_they_are_the_transcript_and_read_again_when_they_change(bucket: None, medley: Medley, home: Path) -> None:
    put("in/talk.mp4", SAMPLE.read_bytes())
    put("in/talk.en.srt", SRT.format(4, "The annual budget").encode())
    item = medley("ingest", URL, "--json").report["items"][0]
    states = {stage["name"]: stage["state"] for stage in item["stages"]}
    assert (item["status"], item["records"]["speech"], states["transcribe"]) == ("complete", 2, "skipped")
    assert "its subtitles are read from talk.en.srt" in item["notes"]
    assert medley("ingest", URL, "--json").report["items"][0]["status"] == "unchanged"

    put("in/talk.en.srt", SRT.format(5, "The weekly budget").encode())
    item = medley("ingest", f"{URL}/talk.en.srt", "--json").report["items"][0]
    states = {stage["name"]: stage["state"] for stage in item["stages"]}
    assert (item["status"], states["read_subtitles"], states["sample_frames"]) == ("complete", "completed", "cached")
    hit = medley("search", "weekly budget", "--modality", "speech", "--limit", "1", "--json").report["hits"][0]
    assert (hit["text"], hit["end_s"]) == ("The weekly budget", 5.0)


def test_beside_a_video_at_the_top_of_a_bucket(bucket: None) -> None:
    put("talk.mp4", SAMPLE.read_bytes()[:5000])
    put("talk.srt", b"x")
    assert list(files_of(["s3://media"], lambda path, error: None)) == ["s3://media/talk.mp4"]
    assert sidecars_at("s3://media/talk.mp4") == ["s3://media/talk.srt"]
    assert video_at("s3://media/talk.de.srt") is None, "it is not there"


def test_a_folder_that_must_not_be_listed(bucket: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(url: str) -> None:
        raise MissingFile("cannot be read: access denied", file=url, remedy="Check the credentials")

    monkeypatch.setattr(bucket_sidecars.buckets, "folder", denied)
    asset = Asset("a" * 64, "/spool/talk.mp4", 1, MEDIA)
    [note] = with_sidecars_at(asset, f"{URL}/talk.mp4").media.notes[-1:]
    assert note == "subtitles beside it are not looked for: cannot be read: access denied"
