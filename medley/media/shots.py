"""The shots of a video: where frames differ, every picture between them is looked at, in a very small size."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from medley.media.choose import Shown
from medley.media.ffmpeg import input_of, run_ffmpeg
from medley.media.shot_changes import SIZE, changes, held
from medley.media.source import Source
from medley.setting_groups import Limits
from medley.types import Asset

#: From when until when, in seconds.
Span = tuple[float, float]
#: Times of pictures in seconds, and the pictures, shape (n, 27, 48, 3).
Tiny = tuple[list[float], NDArray[np.uint8]]

_CONTEXT_S = 1.6  # looked at before and after: what is a fade or a flash is seen from what is around it
#: Pixels that are decoded in the time that another ffmpeg takes to start: as many between two spans are decoded too.
_GAP_PX, _USUAL_FPS = 60e6, 25
_PIECE_S = 60.0  # looked at together: 6 MB
_SHORTEST_S = 0.2  # of a shot
_ENOUGH = 0.5  # of the pictures of a span, which have to come out
_RAW = "shots.rgb"


def shot_starts(
    source: Source,
    asset: Asset,
    changed: Sequence[Span],
    rough: Sequence[float],
    shown: Sequence[Shown],
    directory: Path,
    limits: Limits,
) -> list[float]:
    """Finds when shots begin, in seconds from the container's start; the first one is not told.

    `changed`: spans within which there may be another shot; nothing else is decoded. `rough`: when shots begin as far
    as frames tell, which is taken where most pictures of a span do not come out. `shown`: all pictures, by one clock.
    `directory` is for files while this works.
    """
    found, before_s = list[float](), shown[0].begin_s
    begins = [picture.begin_s for picture in shown]
    for begin_s, end_s in _pieces(_together(changed, asset), shown[-1].end_s):
        if bisect_left(begins, begin_s) == bisect_left(begins, end_s):
            continue  # one picture, held
        span = (max(0.0, begin_s - _CONTEXT_S), end_s + _CONTEXT_S)
        seen_from_s = begins[max(0, bisect_right(begins, span[0]) - 1)]
        tiny = _tiny(source, asset, (seen_from_s, span[1]), directory, limits)
        promised = bisect_left(begins, span[1]) - bisect_left(begins, seen_from_s)
        for at in _within(tiny, span) if len(tiny[0]) >= _ENOUGH * promised else rough:
            if begin_s <= at < end_s and at - before_s >= _SHORTEST_S:
                found.append(at)
                before_s = at
    return found


def _together(changed: Sequence[Span], asset: Asset) -> list[Span]:
    gap_s = _GAP_PX / max(1, asset.media.width_px * asset.media.height_px * _USUAL_FPS) + 2 * _CONTEXT_S
    joined: list[Span] = []
    for begin, end in sorted(changed):
        if joined and begin - joined[-1][1] < gap_s:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _pieces(spans: Sequence[Span], end_s: float) -> Iterator[Span]:
    for begin, end in spans:
        last = min(end + 1 / 1000, end_s)
        for number in range(ceil((last - begin) / _PIECE_S)):
            yield begin + number * _PIECE_S, min(begin + (number + 1) * _PIECE_S, last)


def _within(pictures: Tiny, span: Span) -> list[float]:
    times, frames = pictures
    if len(times) < 2:
        return []
    shown = held(times, max(times[0], span[0]), min(span[1], times[-1] + 1.0))
    return [times[shown[at]] for at in changes(frames[shown])]


def _tiny(source: Source, asset: Asset, span: Span, directory: Path, limits: Limits) -> Tiny:
    """All pictures of a span, 48 x 27, and their times."""
    media, (width, height) = asset.media, SIZE
    begin_s, end_s = (f"{at + media.start_s:.6f}" for at in span)
    seek = {"ss": begin_s, "to": end_s, "seek_timestamp": 1} if span[0] > 0 else {"to": end_s}
    stream = input_of(source, asset, limits, copyts=None, skip_loop_filter="all", **seek)[str(media.video_stream)]
    told = (
        stream.filter("scale", width, height, flags="area")
        .filter("format", "rgb24")
        .filter("metadata", "add", key="medley", value="1")
        .filter("metadata", "print", file="-")
    )
    out = ffmpeg.output(told, _RAW, f="rawvideo", fps_mode="passthrough")
    printed, _ = run_ffmpeg(out, source=source, cwd=directory, limits=limits)
    raw = directory / _RAW
    pixels = np.fromfile(raw, np.uint8) if raw.exists() else np.empty(0, np.uint8)
    raw.unlink(missing_ok=True)
    times = [float(at) - media.start_s for at in re.findall(r"pts_time:(-?[0-9.]+)", printed)]
    count = min(len(times), len(pixels) // (width * height * 3))
    order = np.argsort(np.asarray(times[:count]), kind="stable")
    frames = pixels[: count * width * height * 3].reshape(count, height, width, 3)
    return [times[at] for at in order], frames[order]
