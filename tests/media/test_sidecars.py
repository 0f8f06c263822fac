"""Subtitles that lie beside a video."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from medley.errors import MissingFile
from medley.media.probe import probe_media
from medley.media.subtitle_tracks import chosen_track, read_track
from medley.options import SpeechOptions
from medley.plain import to_json
from medley.setting_groups import Limits
from medley.sources.sidecars import sidecars_of, video_of, with_sidecars
from medley.subtitles import srt, vtt
from medley.types import Asset, Segment, Word
from tests.conftest import SAMPLE
from tests.fakes import asset_id

LIMITS = Limits()
SRT = (
    "1\n00:00:01,000 --> 00:00:21,250\nThe café of Händen,\nsaid twice.\n\n"
    "2\n00:00:30,000 --> 00:00:44,500\n<i>Goodbye!</i>\n"
)
VTT = (
    "WEBVTT\n\nNOTE a remark\n\n00:01.000 --> 00:21.250\nThe café of Händen,\nsaid twice.\n\n"
    "00:30.000 --> 00:44.500\n<b>Goodbye!</b>\n"
)
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, "
    "Effect, Text\nDialogue: 0,0:00:01.00,0:00:21.25,Default,,0,0,0,,The café of Händen,\\Nsaid twice.\n"
    "Dialogue: 0,0:00:30.00,0:00:44.50,Default,,0,0,0,,{\\i1}Goodbye!{\\i0}\n"
)
SAID = [(1.0, 21.25, "The café of Händen, said twice."), (30.0, 44.5, "Goodbye!")]


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return Path(shutil.copyfile(SAMPLE, tmp_path / "talk.mp4"))


def asset_at(path: Path) -> Asset:
    return with_sidecars(Asset(asset_id("talk"), str(path), path.stat().st_size, probe_media(path, LIMITS)))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("talk.srt", SRT.encode()),
        ("talk.srt", SRT.replace("\n", "\r\n").encode("utf-8-sig")),
        ("talk.SRT", SRT.encode("utf-16")),
        ("talk.de.srt", SRT.encode("cp1252")),
        ("talk.en.vtt", VTT.encode()),
        ("talk.ass", ASS.encode()),
        ("talk.ssa", ASS.replace("\n", "\r\n").encode()),
    ],
)
def test_text_and_times_are_exact(talk: Path, name: str, content: bytes) -> None:
    talk.with_name(name).write_bytes(content)
    asset = asset_at(talk)
    track = chosen_track(asset, SpeechOptions())
    assert track
    assert (track.title, track.whole) == (name, True)
    found = read_track(asset, track, LIMITS)
    assert found.damage == ""
    assert [(one.start_s, one.end_s, one.text) for one in found.segments] == SAID


@pytest.mark.parametrize(
    ("name", "language", "whole", "beside"),
    [
        ("talk.pt-BR.srt", "pt-BR", True, False),
        ("talk.eng.sdh.srt", "eng", True, False),
        ("talk.en.forced.srt", "en", False, False),
        ("talk.Commentary.de.srt", "de", True, True),
        ("talk.final.srt", "", True, False),
    ],
)
def test_what_a_name_says(talk: Path, name: str, language: str, whole: bool, beside: bool) -> None:
    talk.with_name(name).write_text(SRT)
    [track] = asset_at(talk).media.texts
    assert (track.language, track.whole, track.beside) == (language, whole, beside)


def test_which_video_subtitles_go_with(talk: Path) -> None:
    for name in ("talk.part.mp4", "talk.png", "talks.mp4", "other.pdf"):
        shutil.copyfile(SAMPLE, talk.with_name(name))
    talk.with_name("notes.pdf").write_bytes(b"%PDF-1.7\n")
    mine, parts = ["talk.en.srt", "talk.vtt"], ["talk.part.de.ass", "talk.part.srt"]
    for name in (*mine, *parts, "talk.2.srt", "alone.srt", "notes.srt", "talk.txt"):
        talk.with_name(name).write_text(SRT)
    assert [path.name for path in sidecars_of(talk)] == mine
    assert [path.name for path in sidecars_of(talk.with_name("talk.part.mp4"))] == parts
    assert [video_of(talk.with_name(name)) for name in ("alone.srt", "notes.srt", "talk.2.srt", "talk.txt")] == [
        None
    ] * 4
    assert video_of(talk.with_name("talk.part.srt")) == talk.with_name("talk.part.mp4")


def test_of_several_the_one_in_the_language_of_the_sound(talk: Path) -> None:
    for name in ("talk.de.srt", "talk.en.srt"):
        talk.with_name(name).write_text(SRT)
    asset = asset_at(talk)
    heard = replace(asset.media.tracks[0], language="eng")
    track = chosen_track(replace(asset, media=replace(asset.media, tracks=(heard,))), SpeechOptions())
    assert track
    assert track.title == "talk.en.srt"


@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"no times here\n" * 50, b"1\n" + b"9" * 5000 + b" --> 0\n"])
def test_what_is_no_subtitles_is_told_of(talk: Path, content: bytes) -> None:
    talk.with_suffix(".srt").write_bytes(content)
    media = asset_at(talk).media
    assert media.texts == ()
    assert media.notes == ("talk.srt beside it is not read: there are no subtitles in it",)


def test_a_file_that_changes_before_it_is_read(talk: Path) -> None:
    talk.with_suffix(".srt").write_text(SRT)
    asset = asset_at(talk)
    talk.with_suffix(".srt").write_text(SRT.replace("Goodbye", "Hello"))
    with pytest.raises(MissingFile, match=r"changed after it was looked at"):
        read_track(asset, asset.media.texts[0], LIMITS)


def test_what_medley_exports_beside_a_video_is_no_subtitle_until_somebody_corrects_it(talk: Path) -> None:
    words = tuple(Word(n, n + 0.5, text) for n, text in enumerate(("Whales", "are", "big."), 1))
    segments = [Segment.of(words)]
    talk.with_suffix(".json").write_text(to_json({"segments": [asdict(one) for one in segments]}, indent=1))
    talk.with_suffix(".srt").write_text(srt(segments))
    talk.with_suffix(".vtt").write_text(vtt(segments))
    assert asset_at(talk).media.texts == ()
    talk.with_suffix(".srt").write_text(srt(segments).replace("Whales", "Wales"))
    assert [track.title for track in asset_at(talk).media.texts] == ["talk.srt"]
