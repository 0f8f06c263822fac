"""Subtitles and chapters that containers hold: found, read exactly, and chosen as players would."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medley.catalog import open_catalog
from medley.errors import UnsupportedMedia
from medley.media.probe import probe_media
from medley.media.subtitle_tracks import chosen_track, read_track, segments_of_cues
from medley.option_values import SubtitleUse
from medley.options import SpeechOptions
from medley.setting_groups import Limits
from medley.settings import load_settings
from medley.sources.identify import identify
from medley.tracks import Chapter, SoundTrack, TextTrack
from medley.types import Asset, MediaInfo
from tasks.speech import extract_audio
from tasks.subtitles import heard_besides, subtitles_of
from tests.conftest import SAMPLE
from tests.fakes import asset_id
from tests.variants import ffmpeg

LIMITS = Limits()
CUES = (
    (1.0, 3.5, "Welcome to the museum,\nthe topic is history."),
    (4.0, 6.25, "- Guten Tag!\n- Füße & Ähren, 100 %"),
    (20.0, 24.5, "The lion lives in the kitchen"),
    (40.0, 43.0, "終わりです。"),
)
CHAPTERS = ((0, 20_000, "The beginning"), (20_000, 46_000, "Of lions and kitchens"))


def stamp(seconds: float) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"


def srt(path: Path, cues: tuple[tuple[float, float, str], ...]) -> Path:
    path.write_text("\n".join(f"{n}\n{stamp(a)} --> {stamp(b)}\n{t}\n" for n, (a, b, t) in enumerate(cues, 1)))
    return path


def with_subtitles(target: Path, codec: str, *more: object, cues: Any = CUES) -> Path:
    """The sample with subtitles of a codec."""
    source = srt(target.with_suffix(".srt"), cues)
    ffmpeg("-i", SAMPLE, "-i", source, "-map", "0", "-map", "1", "-c", "copy", "-c:s", codec, *more, target)
    return target


def asset_at(path: Path) -> Asset:
    return Asset(asset_id(path.name), str(path), path.stat().st_size, probe_media(path, LIMITS))


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "srt"), ("b.mkv", "ass"), ("a.mp4", "mov_text")])
def test_text_and_times_are_exact(tmp_path: Path, name: str, codec: str) -> None:
    asset = asset_at(with_subtitles(tmp_path / name, codec, "-metadata:s:s:0", "language=deu"))
    [track] = asset.media.texts
    assert (track.language, track.whole) == ("deu", True)
    found = read_track(asset, track, LIMITS)
    assert found.damage == ""
    told = [(s.start_s, s.end_s, s.text) for s in found.segments]
    expected = [(a, b, " ".join(t.split())) for a, b, t in CUES]
    assert [text for *_, text in told] == [text for *_, text in expected]
    for one, other in zip(told, expected, strict=True):
        assert one[:2] == pytest.approx(other[:2], abs=0.011)  # ASS has hundredths


def test_time_0_is_that_of_the_container(tmp_path: Path) -> None:
    path = with_subtitles(tmp_path / "plain.mkv", "srt")
    late = tmp_path / "late.mkv"
    ffmpeg("-i", path, "-map", "0", "-c", "copy", "-output_ts_offset", 5, late)
    asset = asset_at(late)
    [track] = asset.media.texts
    assert read_track(asset, track, LIMITS).segments[0].start_s == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.m4b"])
def test_chapters_are_found(tmp_path: Path, name: str) -> None:
    told, begun = tmp_path / "chapters.txt", "[CHAPTER]\nTIMEBASE=1/1000\n"
    parts = (f"{begun}START={a}\nEND={b}\ntitle={title}" for a, b, title in CHAPTERS)
    told.write_text("\n".join([";FFMETADATA1", *parts]))
    sound = name.endswith("m4b")
    how = ("-c", "copy", "-map", "0:a" if sound else "0", *(("-f", "ipod") if sound else ()))
    ffmpeg("-i", SAMPLE, "-i", told, "-map_metadata", "1", "-map_chapters", "1", *how, tmp_path / name)
    expected = tuple(Chapter(a / 1000, b / 1000, title) for a, b, title in CHAPTERS)
    assert probe_media(tmp_path / name, LIMITS).chapters == expected


def test_a_few_cues_do_not_stand_for_all_that_is_said(tmp_path: Path) -> None:
    signs = with_subtitles(tmp_path / "signs.mkv", "srt", cues=CUES[:1])
    forced = with_subtitles(tmp_path / "forced.mkv", "srt", "-disposition:s:0", "forced")
    assert [track.whole for path in (signs, forced) for track in probe_media(path, LIMITS).texts] == [False, False]


def test_subtitles_made_of_pictures_are_told_of(tmp_path: Path) -> None:
    bluray = b""
    for at_s in (1, 5):  # of a Blu-ray: an empty composition and its end
        for kind, content in ((0x16, struct.pack(">HHBHBBBB", 1280, 720, 0x10, at_s, 0x80, 0, 0, 0)), (0x80, b"")):
            bluray += b"PG" + struct.pack(">IIBH", at_s * 90_000, 0, kind, len(content)) + content
    (tmp_path / "a.sup").write_bytes(bluray)
    path = tmp_path / "drawn.mkv"
    ffmpeg("-i", SAMPLE, "-i", tmp_path / "a.sup", "-map", "0", "-map", "1", "-c", "copy", path)
    found = probe_media(path, LIMITS)
    assert found.texts == ()
    assert "subtitle track 1 is made of pictures, which are not read" in found.notes


def media(*texts: TextTrack, heard: str = "") -> Asset:
    sound = (SoundTrack(1, heard),)
    return Asset(
        asset_id("m"), "/m.mkv", 1, MediaInfo("matroska", "video/x-matroska", audio_stream=1, tracks=sound, texts=texts)
    )


GERMAN, ENGLISH = TextTrack(2, "ger", default=True, whole=True), TextTrack(3, "eng", whole=True)
SIGNS, COMMENT = TextTrack(4, "eng", default=True), TextTrack(5, "eng", beside=True, whole=True)


@pytest.mark.parametrize(
    ("texts", "heard", "wanted", "chosen"),
    [
        ((GERMAN, ENGLISH), "eng", None, ENGLISH),
        ((GERMAN, ENGLISH), "", None, GERMAN),
        ((SIGNS, ENGLISH), "ger", None, ENGLISH),
        ((COMMENT, GERMAN), "eng", None, GERMAN),
        ((GERMAN, ENGLISH), "ger", "2", ENGLISH),
        ((GERMAN, ENGLISH), "ger", "eng", ENGLISH),
        ((SIGNS,), "", None, SIGNS),
        ((), "", None, None),
        ((), "", "eng", None),
    ],
)
def test_which_subtitles(
    texts: tuple[TextTrack, ...], heard: str, wanted: str | None, chosen: TextTrack | None
) -> None:
    assert chosen_track(media(*texts, heard=heard), SpeechOptions(subtitle_track=wanted)) == chosen


def test_subtitles_that_are_not_there() -> None:
    with pytest.raises(UnsupportedMedia, match=r"has no subtitle track fra, only 1 \(ger\), 2 \(eng\)"):
        chosen_track(media(GERMAN, ENGLISH), SpeechOptions(subtitle_track="fra"))


@pytest.mark.parametrize(
    ("texts", "use", "hears", "reads"),
    [
        ((GERMAN,), SubtitleUse.PREFER, "its subtitles say it", ""),
        ((SIGNS,), SubtitleUse.PREFER, "", ""),
        ((GERMAN,), SubtitleUse.BESIDE, "", ""),
        ((GERMAN,), SubtitleUse.IGNORE, "", "subtitles are ignored"),
        ((), SubtitleUse.PREFER, "", "no subtitles"),
    ],
)
def test_what_is_heard_besides(texts: tuple[TextTrack, ...], use: SubtitleUse, hears: str, reads: str) -> None:
    options, asset = SpeechOptions(subtitles=use), media(*texts)
    hearing, reading = heard_besides(extract_audio, options).skips, subtitles_of(options).skips
    assert hearing
    assert reading
    assert (hearing(asset), reading(asset)) == (hears, reads)


def cue(start_s: float, end_s: float, text: str) -> dict[str, Any]:
    return {"start_s": start_s, "end_s": end_s, "text": text}


def test_roll_up_captions_say_each_line_once() -> None:
    found = segments_of_cues(
        [cue(0, 2, "one two"), cue(2, 4, "one two\nthree"), cue(4, 6, "three\nfour five"), cue(9, 10, "three")]
    )
    assert [(s.start_s, s.end_s, s.text) for s in found] == [
        (0, 2, "one two"),
        (2, 4, "three"),
        (4, 6, "four five"),
        (9, 10, "three"),
    ]


def test_a_cue_that_is_shown_anew_goes_on() -> None:
    found = segments_of_cues([cue(0, 0.04, "sing"), cue(0.04, 0.08, "sing"), cue(0.08, 3, "sing")])
    assert [(s.start_s, s.end_s, s.text) for s in found] == [(0, 3, "sing")]


def test_cues_out_of_order_and_without_an_end() -> None:
    found = segments_of_cues([cue(5, 5, "later"), cue(-1, 2, "before the start"), cue(3, 4, " \n ")])
    assert [(s.start_s, s.end_s, s.text) for s in found] == [(0, 2, "before the start"), (5, 5.1, "later")]


@pytest.mark.usefixtures("home")
def test_what_an_older_version_has_probed_is_probed_again(tmp_path: Path) -> None:
    path, settings = with_subtitles(tmp_path / "a.mkv", "srt"), load_settings()
    path.with_suffix(".srt").unlink()  # beside a video it would be another track
    catalog = open_catalog(settings)

    def found() -> Asset:
        return identify(str(path), "video", catalog, LIMITS, tmp_path)

    first = found()
    older = replace(first.media, texts=(), probed=0)
    known = catalog.location(str(path))
    assert known
    catalog.upsert_location(known, older)
    assert catalog.media(first.asset_id) == older
    assert found().media == first.media == catalog.media(first.asset_id)
