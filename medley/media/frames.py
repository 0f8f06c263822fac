"""The pictures of a video worth looking at: keyframes where they are dense enough, else by time; no near-duplicates."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from medley.media.choose import Shown, chosen, in_order
from medley.media.damage import damage_of
from medley.media.ffmpeg import undecodable
from medley.media.frame_decoder import Decoder
from medley.media.frame_quality import FrameStats, Looks
from medley.media.probe import pictures_of
from medley.media.shots import Span, shot_starts
from medley.media.source import asset_source
from medley.media.spread import HERE, Spread
from medley.option_values import ShotTimes
from medley.options import FrameOptions
from medley.setting_groups import Limits
from medley.tracks import PictureTrack
from medley.types import Asset, Frame, clock

FRAMES, SHOTS = "frames.json", "shots.json"
_SLACK_S = 0.5  # the last picture's length is a guess


@dataclass(frozen=True, slots=True)
class Pictures:
    """What came out: frames by time, shots, and what is lost, empty where nothing is."""

    frames: list[Frame]
    shots: list[Span]
    damage: str


def sample_frames(
    asset: Asset, directory: Path, options: FrameOptions, limits: Limits, spread: Spread = HERE, track: int = 0
) -> Pictures:
    """Writes JPEGs and `frames.json` into `directory`; times in seconds from the container's start, ascending.

    `track`: of pictures, from 1, that is looked at besides the main one; else 0. Raises CorruptMedia where no picture
    can be decoded.
    """
    asset = with_picture(asset, asset.media.pictures[track - 1]) if track else asset
    with asset_source(asset) as source:
        packets = pictures_of(source, asset.media, limits)
        shown = _shown(packets, asset)
        wanted, keyframes = chosen(shown, options)
        decoder, found = Decoder(source, asset, directory, options, limits), list[Frame]()
        if wanted:
            found = decoder.pictures(wanted, shown, packets["unit_s"], keyframes=keyframes, spread=spread)
        if not found:  # no time stamps, or others than those of the packets
            found = decoder.by_spacing()
        if not found:
            raise undecodable("picture", decoder.complaints, asset)
        kept, cuts, changed = _worth_having(found, directory, options.duplicate_threshold)
        if options.shots is ShotTimes.EXACT and len({picture.clock for picture in shown}) == 1:
            cuts = shot_starts(source, asset, changed, cuts, shown, directory, limits)
    lost = _damage(found, wanted, packets, asset, decoder.errors)
    starts, all_came = [found[0].time_s, *cuts], bool(wanted) and found[-1].time_s >= wanted[-1].begin_s
    end_s = shown[-1].end_s if all_came else found[-1].time_s
    shots = [*pairwise([*starts, max(round(end_s, 3), starts[-1])])]
    (directory / FRAMES).write_text(json.dumps({"frames": [asdict(frame) for frame in kept], "track": track}))
    (directory / SHOTS).write_text(json.dumps(shots))
    return Pictures(kept, shots, lost)


def _shown(packets: dict[str, Any], asset: Asset) -> list[Shown]:
    """The pictures on the clock of the container's start; none where the file gives them no time stamps."""
    if "pictures" not in packets or packets["without"]:
        return []
    start_s, end_s = asset.media.start_s, packets["end_s"] or 0.0
    return in_order(packets["pictures"], packets["unit_s"], start_s, end_s)


def read_frames(directory: Path) -> list[Frame]:
    """Reads the frames that `sample_frames` wrote."""
    return [Frame(**frame) for frame in json.loads((directory / FRAMES).read_text())["frames"]]


def track_of(directory: Path) -> int:
    """Reads which track the frames are of, as `sample_frames` was told."""
    return int(json.loads((directory / FRAMES).read_text()).get("track", 0))


def with_picture(asset: Asset, picture: PictureTrack) -> Asset:
    """Returns the asset with another of its pictures as the one that is looked at."""
    known = {name: value for name, value in asdict(picture).items() if name != "stream"}
    return replace(asset, media=replace(asset.media, video_stream=picture.stream, **known))


def shots_of(directory: Path) -> list[Span]:
    """Reads the shots that `sample_frames` wrote."""
    return [(begin_s, end_s) for begin_s, end_s in json.loads((directory / SHOTS).read_text())]


def end_of_shots(directory: Path) -> float:
    """Reads when the last shot ends, in seconds; 0.0 where there is no shot."""
    return max((end_s for _, end_s in shots_of(directory)), default=0.0)


def spans_of(frames: Sequence[Frame], shots: Sequence[Span]) -> list[Span]:
    """Tells from when until when each frame is shown: until the next one that differs, within its shot.

    The first frame of a shot is shown from the shot's begin.
    """
    begins = [begin_s for begin_s, _ in shots]
    within = [shots[max(0, bisect_right(begins, frame.time_s) - 1)] for frame in frames]
    spans: list[Span] = []
    for at, (frame, (begin_s, end_s)) in enumerate(zip(frames, within, strict=True)):
        first = at == 0 or within[at - 1] != within[at]
        until_s = min(end_s, frames[at + 1].time_s) if at + 1 < len(frames) else end_s
        start_s = min(begin_s, frame.time_s) if first else frame.time_s
        spans.append((start_s, max(until_s, start_s)))
    return spans


def sharp_frames(directory: Path) -> Iterator[tuple[Path, float, bool]]:
    """Reads the frames on which letters could be read: JPEG, since when it is shown, whether a shot begins there."""
    frames, shots = read_frames(directory), shots_of(directory)
    begins = {begin_s for begin_s, _ in shots}
    for frame, (begin_s, _) in zip(frames, spans_of(frames, shots), strict=True):
        if not frame.blurred:
            yield directory / frame.image, begin_s, begin_s in begins


def _damage(found: Sequence[Frame], wanted: Sequence[Shown], packets: dict[str, Any], asset: Asset, errors: int) -> str:
    """What was decoded against what the packets promise, and these against what the container declares."""
    media = asset.media
    reached_s = max((packets.get("end_s") or 0.0) - media.start_s, found[-1].time_s)
    declared_s = media.video_s or (media.whole_s if media.duration_s < media.whole_s - _SLACK_S else 0.0)
    if wanted and found[-1].time_s < wanted[-1].begin_s - _SLACK_S:
        declared_s, reached_s = max(declared_s, reached_s), found[-1].time_s
    lost = damage_of("picture", decoded_s=reached_s, declared_s=declared_s, slack_s=_SLACK_S, errors=errors)
    return lost or (f"its picture ends at {clock(reached_s)}: {media.stopped}" if media.stopped else "")


def _worth_having(
    frames: list[Frame], directory: Path, threshold: float
) -> tuple[list[Frame], list[float], list[Span]]:
    """Frames that differ from the one before, with what they look like; when all of them tell of another shot, roughly,
    and between which of them there may be one. What looks like an earlier one has the JPEG of that one.
    """
    kept: list[Frame] = []
    looks = Looks(threshold)
    cuts: list[float] = []
    changed: list[Span] = []
    shown = before = before_s = None
    for frame in frames:
        look = FrameStats(directory / frame.image)
        if before is not None and before_s is not None and look.may_cut(before):
            changed.append((before_s, frame.time_s))
            cuts += [frame.time_s] if look.cuts(before) else []
        before, before_s = look, frame.time_s
        if shown is not None and look.differs(shown) < threshold:
            (directory / frame.image).unlink()
            continue
        shown, image = look, looks.first_like(look, frame.image)
        if image != frame.image:
            (directory / frame.image).unlink()
        kept.append(replace(frame, image=image, blank=look.blank, blurred=look.blurred))
    return kept, cuts, changed
