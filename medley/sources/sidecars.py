"""Subtitles beside a video: `talk.srt` and `talk.en.vtt` go with `talk.mp4`, as players have it.

What stands between the video's name and the ending: a language (`en`, `pt-BR`), `forced` (a few foreign sentences),
`default`, `commentary`, or a word for people.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

from medley.content import by_track, segments_of
from medley.errors import BadInput
from medley.media.probe import goes_with_all
from medley.media.sniff import sniff
from medley.media.source import open_source
from medley.media.subtitle_tracks import DEMUXERS
from medley.plain import printable
from medley.subtitles import srt, vtt
from medley.tracks import TextTrack
from medley.types import Asset, MediaInfo

_SETTLED_NS = 2_000_000_000  # two changes within a tick of the clock look like one
MOST_BYTES, _MOST_EXPORTED = 10_000_000, 100_000_000
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_FORCED, _BESIDE, _HEARING = ("forced", "foreign"), ("commentary", "comment"), ("sdh", "cc", "hi", "default")
_STAMP = rb"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2})[.,:](\d{1,9})"
_CUE = re.compile(rb"(?:^|\n)(?:Dialogue:[^,\n]*,)?[ \t]*" + _STAMP + rb"[ \t]*(?:-->|,)[ \t]*" + _STAMP)


@dataclass(frozen=True, slots=True)
class Folder:
    """The names in a directory: those of subtitles, sorted, and those of other files by their stems."""

    subtitles: tuple[str, ...]
    others: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, names: Iterable[str]) -> Folder:
        """Sorts the names of a directory."""
        subtitles, others = [], dict[str, tuple[str, ...]]()
        for name in names:
            stem, ending = os.path.splitext(name)
            if ending.lower() in DEMUXERS:
                subtitles.append(name)
            else:
                others[stem] = (*others.get(stem, ()), name)
        return cls(tuple(sorted(subtitles)), others)

    def subtitles_of(self, stem: str) -> list[str]:
        """Names the subtitles that go with the video of a stem."""
        start, found = f"{stem}.", []
        for name in self.subtitles[bisect_left(self.subtitles, start) :]:
            if not name.startswith(start):
                break
            if self._stem(name) == stem:
                found.append(name)
        return found

    def videos_of(self, subtitles: str) -> tuple[str, ...]:
        """Names the files that these subtitles may go with."""
        return self.others.get(self._stem(subtitles) or "", ())

    def _stem(self, subtitles: str) -> str | None:
        """The longest name of another file that these subtitles may go with."""
        parts = subtitles.split(".")
        for count in range(len(parts) - 1, 0, -1):
            stem, between = ".".join(parts[:count]), parts[count:-1]
            if stem in self.others and all(part.replace("-", "").replace("_", "").isalpha() for part in between):
                return stem
        return None


def with_sidecars(asset: Asset) -> Asset:
    """Returns the asset with the subtitles beside its file as further tracks; notes say which cannot be read."""
    if asset.media.flow != "video":
        return asset
    beside = {str(path): partial(_unless_exported, path) for path in sidecars_of(Path(asset.path))}
    return with_tracks(asset, Path(asset.path).stem, beside)


def with_tracks(asset: Asset, stem: str, beside: Mapping[str, Callable[[], bytes | None]]) -> Asset:
    """Returns the asset with subtitles as further tracks, by their places; None of their content: they do not count."""
    tracks, notes = list[TextTrack](), list[str]()
    for place, read in beside.items():
        name = place.rpartition("/")[2]
        try:
            if (content := read()) is not None:
                tracks.append(replace(_track(name, content, stem, asset.media), file=place))
        except (BadInput, OSError, ValueError) as error:
            notes.append(f"{printable(name)} beside it is not read: {error}")
    if not tracks and not notes:
        return asset
    media = replace(asset.media, texts=(*asset.media.texts, *tracks), notes=(*asset.media.notes, *notes))
    return replace(asset, media=media)


def sidecars_of(video: Path) -> list[Path]:
    """Lists the subtitles that go with a video, by their names."""
    return [video.with_name(name) for name in _names_in(video.parent).subtitles_of(video.stem)]


def video_of(path: Path) -> Path | None:
    """Finds the video or sound file that subtitles go with; None where they go with none, or are no subtitles."""
    if path.suffix.lower() not in DEMUXERS:
        return None
    for name in _names_in(path.parent).videos_of(path.name):
        try:
            if sniff(path.with_name(name)).flow == "video":
                return path.with_name(name)
        except BadInput:
            continue
    return None


def _names_in(directory: Path) -> Folder:
    """Listed once until the directory changes: it may hold thousands of videos. Not kept while it changes."""
    try:
        changed_ns = os.stat(directory).st_mtime_ns
        fresh = time.time_ns() - changed_ns < _SETTLED_NS
        return Folder.of(os.listdir(directory)) if fresh else _kept(str(directory), changed_ns)
    except OSError:
        return Folder((), {})


@lru_cache(16)
def _kept(directory: str, changed_ns: int) -> Folder:  # names the state of the directory
    return Folder.of(os.listdir(directory))


def _unless_exported(path: Path) -> bytes | None:
    content = _content(path)
    return None if _is_export(path, content) else content


def _content(path: Path, most: int = MOST_BYTES) -> bytes:
    """Raises BadInput, OSError, ValueError."""
    with open_source(path) as source:
        if source.stat.st_size > most:
            raise ValueError(f"it has {source.stat.st_size} bytes")
        return source.path.read_bytes()


def _is_export(path: Path, content: bytes) -> bool:
    """Whether `--export` has written it, by the JSON that is written with it: what people correct is theirs."""
    write = {".srt": srt, ".vtt": vtt}.get(path.suffix)
    try:
        told = json.loads(_content(path.with_suffix(".json"), _MOST_EXPORTED))
        written = (write(said).encode() for said in by_track(segments_of(told)).values()) if write else ()
        return content in written
    except (BadInput, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


def _track(name: str, content: bytes, stem: str, media: MediaInfo) -> TextTrack:
    """What the name and the times of subtitles say. Raises ValueError."""
    spans = list(_spans(content))
    if not spans:
        raise ValueError("there are no subtitles in it")
    between = os.path.splitext(name)[0][len(stem) + 1 :].split(".") if os.path.splitext(name)[0] != stem else []
    told = [part for part in between if part.lower() not in (*_FORCED, *_BESIDE, *_HEARING)]
    language = next((part for part in told if _LANGUAGE.fullmatch(part)), "")
    flags = {part.lower() for part in between}
    whole = goes_with_all(sum(end - begin for begin, end in spans), max(begin for begin, _ in spans), media.duration_s)
    return TextTrack(
        stream=0,
        language=language,
        title=printable(name)[:100],
        default="default" in flags,
        beside=not flags.isdisjoint(_BESIDE),
        whole=whole and flags.isdisjoint(_FORCED),
        digest=hashlib.sha256(content).hexdigest(),
    )


def _spans(content: bytes) -> Iterator[tuple[float, float]]:
    """From when until when each subtitle is shown, in seconds."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        content = content.decode("utf-16", "replace").encode()
    for match in _CUE.finditer(content.replace(b"\r", b"\n")):
        begin, end = (_seconds(*match.groups()[at : at + 4]) for at in (0, 4))
        if end > begin:
            yield begin, end


def _seconds(hours: bytes | None, minutes: bytes, seconds: bytes, fraction: bytes) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction.decode()}")
