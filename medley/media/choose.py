"""Which pictures of a video to look at, known from its packets before any of them is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from medley.options import FrameOptions

#: A picture shown for less than this is part of a movement; of those one is as good as another.
_STILL_S = 0.2


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture: its time stamp in the file's units, and from when until when it is shown, in seconds.

    `clock` tells stamps of one clock from those after it has begun again.
    """

    stamp: int
    begin_s: float
    end_s: float
    key: bool
    clock: float = 0.0


def in_order(pictures: Sequence[tuple[int, float, int]], unit_s: float, start_s: float, end_s: float) -> list[Shown]:
    """Pictures (time stamp in steps of `unit_s`, time on the line, 1 for keyframes) as they are shown, from `start_s`.

    The last one is shown until `end_s`.
    """
    ordered = sorted(pictures, key=lambda picture: picture[1])
    times = [time_s - start_s for _, time_s, _ in ordered]
    ends = [*times[1:], max(end_s - start_s, times[-1])] if times else []
    return [
        Shown(stamp, at, end, bool(key), round(line_s - stamp * unit_s, 3))
        for (stamp, line_s, key), at, end in zip(ordered, times, ends, strict=True)
    ]


def chosen(shown: Sequence[Shown], options: FrameOptions) -> tuple[list[Shown], bool]:
    """Chooses the pictures worth decoding, and says whether keyframes alone are dense enough for them."""
    keys = [picture for picture in shown if picture.key]
    if keys and _dense(keys, shown[0].begin_s, shown[-1].end_s, options.max_gap_s) and not _held(shown):
        return _one_each(_until_next(keys), options.interval_s), True
    return _one_each(shown, options.interval_s), False


def _dense(keys: Sequence[Shown], begin_s: float, end_s: float, max_gap_s: float) -> bool:
    times = [begin_s, *(key.begin_s for key in keys), end_s]
    return all(later - earlier <= max_gap_s for earlier, later in pairwise(times))


def _until_next(keys: Sequence[Shown]) -> list[Shown]:
    """As if nothing were shown between them."""
    ends = [*(key.begin_s for key in keys[1:]), keys[-1].end_s]
    return [replace(key, end_s=end_s) for key, end_s in zip(keys, ends, strict=True)]


def _held(shown: Sequence[Shown]) -> bool:
    """Whether a picture that is no keyframe stands still: what is held is to be looked at."""
    return any(not picture.key and picture.end_s - picture.begin_s >= 1.0 for picture in shown)


def _one_each(shown: Sequence[Shown], interval_s: float) -> list[Shown]:
    """Of each interval the picture that stands longest in it: so each one that is held is there, and no passing one."""
    best: dict[int, tuple[float, Shown]] = {}
    wanted: dict[int, Shown] = {}
    for picture in shown:
        begin, end = ((at_s - shown[0].begin_s) / interval_s for at_s in (picture.begin_s, picture.end_s))
        first, last = int(begin), int(end)
        if last - first > 1:
            wanted[id(picture)] = picture  # it fills an interval alone
        for number in {first, last}:
            length_s = (min(end, number + 1) - max(begin, number)) * interval_s
            if length_s <= 0 and number != first:
                continue  # it ends where that interval begins
            # of movement one picture is as good as another: the first one
            length_s = length_s if length_s >= _STILL_S else 0.0
            if number not in best or length_s > best[number][0]:
                best[number] = (length_s, picture)
    wanted |= {id(picture): picture for length_s, picture in best.values()}
    return sorted(wanted.values(), key=lambda picture: picture.begin_s)
