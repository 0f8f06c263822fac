"""Subtitles of a container as sentences with times: what somebody has written down already."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medley.encodings import decoded
from medley.errors import CorruptMedia, MissingFile, TooLarge, UnsupportedMedia
from medley.languages import short
from medley.media.job import JobResult, run_job
from medley.media.source import Source, asset_source, open_source
from medley.options import SpeechOptions
from medley.setting_groups import Limits
from medley.sources.urls import is_url, read
from medley.tracks import ALL, TextTrack
from medley.types import Asset, Segment, Word

_PROGRAM = Path(__file__).with_name("subtitle_child.py")  # not imported: it loads PyAV
#: Endings of subtitles beside a video, and the demuxer of ffmpeg that reads such files.
DEMUXERS = {".srt": "srt", ".vtt": "webvtt", ".ass": "ass", ".ssa": "ass"}
_JOINED_S = 0.1  # between two cues that are shown one right after the other
_LEAST_S = 0.1  # a cue that does not say how long it is shown


@dataclass(frozen=True, slots=True)
class Subtitles:
    """The subtitles of a track, and what is lost, empty where nothing is."""

    segments: list[Segment]
    damage: str


def chosen_tracks(asset: Asset, options: SpeechOptions) -> list[TextTrack]:
    """Picks the subtitles to read: all, the main ones first, or those of `chosen_track`, which says what it raises."""
    wanted = options if options.subtitle_track != ALL else options.model_copy(update={"subtitle_track": None})
    main = chosen_track(asset, wanted)
    if options.subtitle_track != ALL or main is None:
        return [main] if main else []
    return [main, *(track for track in asset.media.texts if track != main)]


def chosen_track(asset: Asset, options: SpeechOptions) -> TextTrack | None:
    """Picks the subtitles to read: those asked for, else those that go with all that is said, in the sound's language.

    None where there are none. Raises UnsupportedMedia where there is no such track.
    """
    texts, wanted = asset.media.texts, options.subtitle_track
    if wanted is not None and texts:
        for number, track in enumerate(texts, 1):
            if wanted in (str(number), track.language):
                return track
        there = ", ".join(f"{n}{f' ({t.language})' if t.language else ''}" for n, t in enumerate(texts, 1))
        what = f"has no subtitle track {wanted}, only {there}"
        raise UnsupportedMedia(what, file=asset.path, remedy="Give one of these with --speech.subtitle_track")
    heard = next((track.language for track in asset.media.tracks if track.stream == asset.media.audio_stream), "")
    return min(
        texts,
        key=lambda track: (
            not track.whole,
            track.beside,
            bool(heard) and short(track.language) != short(heard),
            not track.file,  # somebody has put it there
            not track.default,
        ),
        default=None,
    )


def read_track(asset: Asset, track: TextTrack, limits: Limits) -> Subtitles:
    """Reads subtitles as sentences, one for each cue, in the order of time; times from the container's start.

    Words have times of their own, spread over their cue by their lengths. Raises CorruptMedia, TooLarge.
    """
    told = _told_beside(asset, track, limits) if track.file else _told_within(asset, track, limits)
    if told.too_long:
        raise TooLarge(told.too_long, file=asset.path, remedy="Raise MEDLEY_LIMITS__WALL_S if you trust the file")
    found = [line for line in told.lines if "text" in line]
    stopped = next((line["stopped"] for line in told.lines if "stopped" in line), "")
    stopped = stopped or (f"their reader ended with {told.exit}" if told.exit else "")
    if not found:
        reason = f"its subtitles cannot be read: {stopped or 'nothing came out'}"
        raise CorruptMedia(reason, file=asset.path, remedy="Give --speech.subtitles ignore")
    return Subtitles(segments_of_cues(found), f"its subtitles: {stopped}" if stopped else "")


def _told_within(asset: Asset, track: TextTrack, limits: Limits) -> JobResult:
    with asset_source(asset) as source:
        return _ask(source, asset.media.demuxer, track.stream, asset.media.start_s, limits)


def _told_beside(asset: Asset, track: TextTrack, limits: Limits) -> JobResult:
    """Of a file beside the video, which may be in any encoding: ffmpeg gets a copy in UTF-8."""
    content = _content(track.file)
    if hashlib.sha256(content).hexdigest() != track.digest:
        raise MissingFile("changed after it was looked at", file=track.file, remedy="Run again when it is whole")
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory, "subtitles")
        copy.write_text(decoded(content), encoding="utf-8", newline="")
        with open_source(copy) as source:
            return _ask(source, DEMUXERS[Path(track.file).suffix.lower()], 0, 0.0, limits)


def _content(place: str) -> bytes:
    if is_url(place):
        return read(place)
    with open_source(place) as source:
        return source.path.read_bytes()


def _ask(source: Source, demuxer: str, stream: int, start_s: float, limits: Limits) -> JobResult:
    job = {"path": str(source.path), "demuxer": demuxer, "max_streams": limits.max_streams}
    return run_job(_PROGRAM, job | {"stream": stream, "start_s": start_s}, limits, None, [source])


def segments_of_cues(found: Sequence[dict[str, Any]]) -> list[Segment]:
    """Makes sentences of cues ({"start_s", "end_s", "text"}): sorted, and nothing said twice.

    A cue that is shown on with more below it (roll-up captions), or anew for each step of an effect, counts once.
    """
    segments: list[Segment] = []
    before: list[str] = []
    for cue in sorted(found, key=lambda cue: (cue["start_s"], cue["end_s"])):
        start_s, end_s = max(0.0, cue["start_s"]), max(cue["end_s"], cue["start_s"] + _LEAST_S)
        lines = [line for line in (" ".join(part.split()) for part in cue["text"].splitlines()) if line]
        if not lines:
            continue
        goes_on = bool(segments) and start_s <= segments[-1].end_s + _JOINED_S
        new = _unseen(lines, before) if goes_on else lines
        before = lines
        if new:
            segments.append(Segment.of(tuple(_words(" ".join(new), start_s, end_s))))
        elif segments:
            last = segments[-1]
            segments[-1] = Segment.of(tuple(_words(last.text, last.start_s, max(last.end_s, end_s))))
    return segments


def _unseen(lines: Sequence[str], before: Sequence[str]) -> list[str]:
    """The lines after those with which the last cue ended."""
    for count in range(min(len(lines), len(before)), 0, -1):
        if list(lines[:count]) == list(before[-count:]):
            return list(lines[count:])
    return list(lines)


def _words(text: str, start_s: float, end_s: float) -> Iterator[Word]:
    """Words of a cue, each as long as its share of the letters."""
    words = text.split()
    letters, at = sum(len(word) for word in words), 0
    for word in words:
        begin = start_s + (end_s - start_s) * at / letters
        at += len(word)
        yield Word(round(begin, 3), round(start_s + (end_s - start_s) * at / letters, 3), word)
