"""What a made video contains, and when."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, weakref_slot=True)
class SpokenSentence:
    """A sentence and the span of its sound, in seconds from the video's start, honest to 0.05 s."""

    start_s: float
    end_s: float
    text: str
    voice: str

    def __post_init__(self) -> None:
        _check_span(self.start_s, self.end_s)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ShownScene:
    """A picture and the span it stands still, in seconds from the video's start; the end is the next one's start.

    The cut itself falls on a frame: within 0.02 s of the start.
    """

    start_s: float
    end_s: float
    caption: str

    def __post_init__(self) -> None:
        _check_span(self.start_s, self.end_s)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class VideoTruth:
    """The ground truth of one video file: what is said and what is seen, in order of time."""

    name: str
    duration_s: float
    sentences: tuple[SpokenSentence, ...]
    scenes: tuple[ShownScene, ...]

    @property
    def text(self) -> str:
        """All that is said, in one line."""
        return " ".join(sentence.text for sentence in self.sentences)

    def to_json(self) -> str:
        """Readable JSON that `from_json` takes back."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> VideoTruth:
        """Reads what `to_json` wrote; raises KeyError, TypeError or ValueError where it is something else."""
        data: dict[str, Any] = json.loads(text)
        return cls(
            name=data["name"],
            duration_s=data["duration_s"],
            sentences=tuple(SpokenSentence(**each) for each in data["sentences"]),
            scenes=tuple(ShownScene(**each) for each in data["scenes"]),
        )


def _check_span(start_s: float, end_s: float) -> None:
    if not 0 <= start_s < end_s:
        raise ValueError(f"a span must run forwards from 0 s on, not from {start_s} s to {end_s} s")
