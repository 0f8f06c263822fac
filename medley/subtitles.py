"""Transcripts as subtitles: cues that people can read in time, on two lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from medley.plain import printable
from medley.types import Segment, Word

#: What broadcasters ask for (EBU-TT-D practice, timed text guides): 42 letters a line, two lines, seven seconds.
_LINE, _LINES, _LONGEST_S = 42, 2, 7.0
#: Names of speakers by their numbers.
Names = Mapping[int, str]
_NOBODY: Names = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle; `lines` are plain text, which begins with who speaks where that is another one than before."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]


def cues(segments: Sequence[Segment], names: Names = _NOBODY) -> Iterator[Cue]:
    """Yields the cues of a transcript; long sentences are parted between words, at the times of the words.

    `names`: of speakers; others are called by their numbers.
    """
    before: int | None = None
    for segment in segments:
        who = segment.speaker
        label = f"{names.get(who) or f'Speaker {who}'}: " if who is not None and who != before else ""
        before = who
        if not segment.words:
            yield Cue(segment.start_s, segment.end_s, _wrapped(label + segment.text))
        for words in _parts(segment.words, label):
            text = " ".join(word.text.strip() for word in words)
            yield Cue(words[0].start_s, words[-1].end_s, _wrapped(label + text))
            label = ""


def _parts(words: Sequence[Word], label: str) -> Iterator[list[Word]]:
    part: list[Word] = []
    for word in words:
        text = label + " ".join(known.text.strip() for known in (*part, word))
        if part and (len(_wrapped(text)) > _LINES or word.end_s - part[0].start_s > _LONGEST_S):
            yield part
            part, label = [], ""
        part.append(word)
    if part:
        yield part


def _wrapped(text: str) -> tuple[str, ...]:
    return tuple(textwrap.wrap(printable(" ".join(text.split())), _LINE)) or ("",)


def srt(segments: Sequence[Segment], names: Names = _NOBODY) -> str:
    """Subtitles in SubRip's format."""
    made = (
        f"{n}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n{_untagged(cue)}\n"
        for n, cue in enumerate(cues(segments, names), 1)
    )
    return "\n".join(made)


def vtt(segments: Sequence[Segment], names: Names = _NOBODY) -> str:
    """Subtitles in WebVTT (W3C); `&`, `<` and `>` are markup there and are escaped."""
    made = (f"{_clock(c.start_s, '.')} --> {_clock(c.end_s, '.')}\n{_escaped(c)}\n" for c in cues(segments, names))
    return "WEBVTT\n\n" + "\n".join(made)


def _clock(seconds: float, point: str) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{point}{ms % 1000:03d}"


def _untagged(cue: Cue) -> str:
    """SubRip has no way to escape what players take for tags."""
    return "\n".join(cue.lines).translate(str.maketrans("<>{}", "\u2039\u203a()"))


def _escaped(cue: Cue) -> str:
    return "\n".join(cue.lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
