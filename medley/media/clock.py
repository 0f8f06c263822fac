"""One time line for all streams of a container, whatever its time stamps do: begin again, jump, or are missing.

Packets are told in the order of the file, because that alone says which of two equal time stamps is the later one.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Packets of a stream may lie over each other by this much; further back its clock has begun again.
_BACK_S = 1.0
#: So near to where a stream has stopped, a packet goes on with it on a clock that another stream was first to show.
_NEAR_S = 30.0
#: Nothing at all for longer than this is a gap, which people are told of.
_GAP_S = 60.0
#: A leap that is taken back after so few packets was a damaged time stamp.
_ASTRAY = 5


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of the time line on which there is neither sound nor picture."""

    at_s: float
    length_s: float


@dataclass(slots=True)
class _Stream:
    clock: int
    end_s: float = float("-inf")
    before_s: float = float("-inf")  #: where it had stopped before it leapt
    since: int = 0  #: packets since then


class TimeLine:
    """Gives each packet its place. Times in seconds; those of the line are the file's own until a clock begins anew."""

    def __init__(self) -> None:
        self._offsets = [0.0]
        self._streams: dict[int, _Stream] = {}
        self._end_s = float("-inf")
        self.gaps: list[Gap] = []

    @property
    def restarts(self) -> int:
        """How often a clock has begun again."""
        return len(self._offsets) - 1

    def end_of(self, stream: int) -> float | None:
        """Returns the time in seconds at which a stream ends; None where the stream has no packet."""
        found = self._streams.get(stream)
        return found.end_s if found else None

    def place(self, stream: int, time_s: float, length_s: float) -> float:
        """Places a packet shown from `time_s` for `length_s`; returns what to add to the packet's time stamps."""
        known = self._streams.setdefault(stream, _Stream(len(self._offsets) - 1))
        at_s = time_s + self._offsets[known.clock]
        known.since += 1
        if at_s < known.end_s - _BACK_S:
            self._step_back(known, time_s, at_s)
        elif at_s > known.end_s + _GAP_S > float("-inf"):
            known.before_s, known.since = known.end_s, 0
        at_s = time_s + self._offsets[known.clock]
        self._note_gap(at_s)
        known.end_s = max(known.end_s, at_s + length_s)
        self._end_s = max(self._end_s, known.end_s)
        return self._offsets[known.clock]

    def _step_back(self, known: _Stream, time_s: float, at_s: float) -> None:
        if known.since <= _ASTRAY and at_s >= known.before_s - _BACK_S:
            known.end_s = known.before_s
            self._end_s = max(stream.end_s for stream in self._streams.values())
            self.gaps = [gap for gap in self.gaps if gap.at_s + gap.length_s <= self._end_s]
            return
        for number in range(known.clock + 1, len(self._offsets)):
            if -_BACK_S <= time_s + self._offsets[number] - known.end_s <= _NEAR_S:
                known.clock = number
                return
        self._offsets.append(max(stream.end_s for stream in self._streams.values()) - time_s)
        known.clock = len(self._offsets) - 1

    def _note_gap(self, at_s: float) -> None:
        if at_s - self._end_s > _GAP_S and self._end_s > float("-inf"):
            self.gaps.append(Gap(round(self._end_s, 3), round(at_s - self._end_s, 3)))
