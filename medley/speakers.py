"""Who speaks: utterances with vectors become turns of speakers, and sentences those of somebody."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medley.models.base import Vectors, unit
from medley.types import Segment, Word

TURNS = "turns.json"
DIM = 258  #: of a voice's vector
#: Cosine of two voices from which on they are one person's: within a file, and (of means over a file) between files.
SAME_VOICE, SAME_PERSON = 0.8, 0.92
_WORTH_S = 0.8  # shorter utterances say little of a voice
_SPEAKER_S, _SPEAKER_SHARE = 4.0, 0.5  # what somebody says in all, at least: seconds, or part of the most that one says
_MOST = 2_000  # utterances that are compared with each other; the others follow them
_JOINED_S = 0.3  # pause within a turn, at most


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says in a stretch; speakers are numbered from 1, in the order in which they begin.

    `track`: as in `Segment`.
    """

    start_s: float
    end_s: float
    speaker: int
    track: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """An utterance: from and until when, in seconds, and on which track (as in `Segment`)."""

    start_s: float
    end_s: float
    track: int = 0


@dataclass(frozen=True, slots=True)
class Speakers:
    """The turns of a file by time, and a vector for each speaker, shape (speakers, dim)."""

    turns: list[Turn]
    voices: Vectors


def find_speakers(heard: Sequence[Heard], vectors: Vectors) -> Speakers:
    """Groups utterances, those of a track by time, by their voices; `vectors` has a row for each."""
    if not heard:
        return Speakers([], np.empty((0, 0), np.float32))
    lengths = np.array([one.end_s - one.start_s for one in heard])
    voices = _voices(vectors, lengths)
    labels = (vectors @ voices.T).argmax(axis=1)
    order = list(dict.fromkeys(labels.tolist()))
    numbers = {label: number for number, label in enumerate(order, 1)}
    return Speakers(_turns(heard, [numbers[label] for label in labels.tolist()]), voices[order])


def _voices(vectors: Vectors, lengths: NDArray[np.float64]) -> Vectors:
    """The mean voice of each speaker: utterances are joined while those that are most alike are alike enough."""
    from scipy.cluster.hierarchy import fcluster, linkage  # type: ignore[import-untyped]

    worth = np.flatnonzero(lengths >= min(_WORTH_S, lengths.max()))
    worth = worth[np.linspace(0, len(worth) - 1, min(len(worth), _MOST)).astype(int)]
    if len(worth) == 1:
        return np.asarray(vectors[worth])
    tree = linkage(vectors[worth], method="average", metric="cosine")
    labels = fcluster(tree, 1 - SAME_VOICE, criterion="distance")
    said_s = {label: lengths[worth][labels == label].sum() for label in set(labels.tolist())}
    enough_s = min(_SPEAKER_S, _SPEAKER_SHARE * max(said_s.values()))
    kept = [label for label, seconds in said_s.items() if seconds >= enough_s]
    means: Vectors = np.stack([vectors[worth][labels == label].mean(axis=0) for label in kept])
    return unit(means)


def _turns(heard: Sequence[Heard], speakers: Sequence[int]) -> list[Turn]:
    turns: list[Turn] = []
    for one, speaker in zip(heard, speakers, strict=True):
        last = turns[-1] if turns else None
        same = last and (last.speaker, last.track) == (speaker, one.track)
        if last and same and one.start_s - last.end_s <= _JOINED_S:
            turns[-1] = replace(last, end_s=one.end_s)
        else:
            turns.append(Turn(one.start_s, one.end_s, speaker, one.track))
    return turns


def spoken_by(segments: Iterable[Segment], turns: Sequence[Turn]) -> list[Segment]:
    """Says of each sentence who speaks it; sentences are parted where another speaker goes on."""
    found: list[Segment] = []
    by_track = {track: [turn for turn in turns if turn.track == track] for track in {turn.track for turn in turns}}
    for segment in segments:
        turns = by_track.get(segment.track, ())
        if not turns:
            found.append(segment)
        elif not segment.words:
            found.append(replace(segment, speaker=_speaker(segment.start_s, segment.end_s, turns)))
        else:
            found += _parted(segment, turns)
    return found


def _parted(segment: Segment, turns: Sequence[Turn]) -> Iterator[Segment]:
    labelled = ((_speaker(word.start_s, word.end_s, turns), word) for word in segment.words)
    for speaker, words in _smoothed([(who, [word for _, word in said]) for who, said in groupby(labelled, _who)]):
        part = Segment.of(tuple(words))
        yield replace(part, speaker=speaker, language=segment.language, track=segment.track)


def _who(labelled: tuple[int, Word]) -> int:
    return labelled[0]


def _smoothed(parts: list[tuple[int, list[Word]]]) -> list[tuple[int, list[Word]]]:
    """A single word between two parts of one speaker, or at an end, is theirs: times of words are not that exact."""
    joined: list[tuple[int, list[Word]]] = []
    for at, (speaker, words) in enumerate(parts):
        stray = len(words) == 1 and len(parts) > 1
        who = (joined[-1][0] if joined else parts[at + 1][0]) if stray else speaker
        if joined and joined[-1][0] == who:
            joined[-1][1].extend(words)
        else:
            joined.append((who, list(words)))
    return joined


def _speaker(start_s: float, end_s: float, turns: Sequence[Turn]) -> int:
    """Who speaks most of that time, else who speaks nearest to it."""
    middle_s = (start_s + end_s) / 2

    def rank(turn: Turn) -> tuple[float, float]:
        shared_s = min(end_s, turn.end_s) - max(start_s, turn.start_s)
        return max(0.0, shared_s), -max(turn.start_s - middle_s, middle_s - turn.end_s, 0.0)

    return max(turns, key=rank).speaker


def mark(asset_id: str, speaker: int) -> str:
    """Names a speaker of a file, as records are marked."""
    return f"speaker:{asset_id[:16]}:{speaker}"


def is_speaker(marked: str) -> bool:
    """Says whether a mark of a record tells who speaks."""
    return marked.startswith("speaker:")


def speaker_named(marked: str | None, names: Mapping[str, str]) -> str | None:
    """Calls a speaker by the name that the mark has, else by the number within the file."""
    return (names.get(marked) or f"Speaker {marked.rpartition(':')[2]}") if marked else None


def save_turns(directory: Path, turns: Sequence[Turn]) -> None:
    """Writes the turns as JSON."""
    (directory / TURNS).write_text(json.dumps([asdict(turn) for turn in turns]))


def read_turns(directory: Path) -> list[Turn]:
    """Reads the turns that `save_turns` wrote."""
    return [Turn(**turn) for turn in json.loads((directory / TURNS).read_text())]
