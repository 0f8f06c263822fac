"""From words to sentences to chunks, and their files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from medley import languages, speakers, tracks
from medley.options import ChunkOptions
from medley.types import Asset, Row, Segment, Word

TRANSCRIPT = "transcript.json"
CHUNKS = "chunks.json"
_SENTENCE_END = (".", "!", "?", "…", "。", "！", "？")
_PAUSE_S = 0.5


def sentences(words: Iterable[Word]) -> list[Segment]:
    """Regroups words into sentences at punctuation and pauses of half a second: the rule holds for every checkpoint."""
    found: list[Segment] = []
    current: list[Word] = []
    for word in words:
        if current and (current[-1].text.endswith(_SENTENCE_END) or word.start_s - current[-1].end_s >= _PAUSE_S):
            found.append(Segment.of(tuple(current)))
            current = []
        current.append(word)
    return [*found, Segment.of(tuple(current))] if current else found


def chunk_segments(segments: Sequence[Segment], options: ChunkOptions) -> list[Segment]:
    """Chunks: sentences of one speaker in one language, gathered until one is full or a long pause comes.

    A sentence too long by itself is cut.
    """
    found: list[Segment] = []
    for (speaker, language, track), said in groupby(segments, lambda one: (one.speaker, one.language, one.track)):
        parts = _gathered(said, options)
        found += [replace(part, speaker=speaker, language=language, track=track) for part in parts]
    return found


def said_once(segments: Sequence[Segment]) -> list[Segment]:
    """Leaves out sentences that an earlier track has at the same time: one is often a mix of the others, or a copy."""
    found: list[Segment] = []
    said: dict[tuple[str, int], set[int]] = {}  # tracks by letters and second
    for segment in segments:
        letters, second = "".join(filter(str.isalnum, segment.text.casefold())), int(segment.start_s)
        near = (said.get((letters, at), ()) for at in range(second - 1, second + 2))
        if not any(track != segment.track for tracks_there in near for track in tracks_there):
            found.append(segment)
        said.setdefault((letters, second), set()).add(segment.track)
    return found


def _gathered(segments: Iterable[Segment], options: ChunkOptions) -> list[Segment]:
    found: list[Segment] = []
    current: tuple[Word, ...] = ()
    for segment in segments:
        for part in _pieces(segment.words, options):
            if current and not _fits(current, part, options):
                found.append(Segment.of(current))
                current = ()
            current += part
    return [*found, Segment.of(current)] if current else found


def _fits(current: tuple[Word, ...], part: tuple[Word, ...], options: ChunkOptions) -> bool:
    return (
        len(current) + len(part) <= options.max_words
        and part[-1].end_s - current[0].start_s <= options.max_s
        and part[0].start_s - current[-1].end_s <= options.max_pause_s
    )


def _pieces(words: tuple[Word, ...], options: ChunkOptions) -> list[tuple[Word, ...]]:
    """A sentence, in one piece unless it is too long for a chunk or has a pause that is; a single word always fits."""
    pieces: list[tuple[Word, ...]] = [words[:1]]
    for word in words[1:]:
        if _fits(pieces[-1], (word,), options):
            pieces[-1] += (word,)
        else:
            pieces.append((word,))
    return pieces


def write_chunks(segments: Sequence[Segment], asset: Asset, directory: Path, options: ChunkOptions) -> None:
    """Gathers sentences of an asset into chunks, and writes CHUNKS into `directory`."""
    chunks = [{**asdict(part), "marks": _marks(part, asset)} for part in chunk_segments(segments, options)]
    (directory / CHUNKS).write_text(json.dumps(chunks))


def _marks(part: Segment, asset: Asset) -> list[str]:
    speaker = speakers.mark(asset.asset_id, part.speaker) if part.speaker else ""
    return [*filter(None, (speaker, languages.mark(part.language))), *tracks.marks(part.track)]


def write_segments(path: Path, segments: Sequence[Segment]) -> None:
    """Writes the segments as JSON: a list of segments with their words."""
    path.write_text(json.dumps([asdict(segment) for segment in segments]))


def read_segments(path: Path) -> list[Segment]:
    """Reads the segments that `write_segments` wrote."""
    return [segment_from(one) for one in json.loads(path.read_text())]


def segment_from(found: Mapping[str, Any]) -> Segment:
    """Builds a segment from its JSON."""
    words = tuple(Word(**word) for word in found["words"])
    about = (found.get("speaker"), found.get("language", ""), found.get("track", 0))
    return Segment(found["start_s"], found["end_s"], found["text"], words, *about)


def chunk_rows(directory: Path) -> list[Row]:
    """Reads the rows of the chunks in `directory`: words, times and who speaks."""
    parts = json.loads((directory / CHUNKS).read_text())
    return [
        Row(
            "speech",
            part["text"],
            round(part["start_s"] * 1000),
            round(part["end_s"] * 1000),
            part=part.get("track", 0),
            marks=part.get("marks", ()),
        )
        for part in parts
    ]
