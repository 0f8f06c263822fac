"""The pictures of a video worth looking at: keyframes where they are dense enough, else by time; no near-duplicates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from medley.media.choose import Shown, chosen, in_order
from medley.media.damage import damage_of
from medley.media.ffmpeg import undecodable
from medley.media.frame_decoder import Decoder
from medley.media.frame_quality import FrameStats
from medley.media.probe import pictures_of
from medley.media.source import asset_source
from medley.media.spread import HERE, Spread
from medley.options import FrameOptions
from medley.setting_groups import Limits
from medley.types import Asset, Frame, clock

FRAMES = "frames.json"
_SLACK_S = 0.5  # the last picture's length is a guess
#: First and last time of what the camera took at a stretch, in seconds; as fine as the frames are dense.
Shot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pictures:
    """What came out: frames by time, shots, and what is lost, empty where nothing is."""

    frames: list[Frame]
    shots: list[Shot]
    damage: str


def sample_frames(
    asset: Asset, directory: Path, options: FrameOptions, limits: Limits, spread: Spread = HERE
) -> Pictures:
    """Writes JPEGs and `frames.json` into `directory`; times in seconds from the container's start, ascending.

    Raises CorruptMedia where no picture can be decoded.
    """
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
    lost = _damage(found, wanted, packets, asset, decoder.errors)
    kept, shots = _worth_having(found, directory, options.duplicate_threshold)
    (directory / FRAMES).write_text(json.dumps({"frames": [asdict(frame) for frame in kept], "shots": shots}))
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


def shots_of(directory: Path) -> list[Shot]:
    """Reads the shots that `sample_frames` wrote."""
    return [(begin_s, end_s) for begin_s, end_s in json.loads((directory / FRAMES).read_text())["shots"]]


def end_of_shots(directory: Path) -> float:
    """Reads when the last shot ends, in seconds; 0.0 where there is no shot."""
    return max((end_s for _, end_s in shots_of(directory)), default=0.0)


def _damage(found: Sequence[Frame], wanted: Sequence[Shown], packets: dict[str, Any], asset: Asset, errors: int) -> str:
    """What was decoded against what the packets promise, and these against what the container declares."""
    media = asset.media
    reached_s = max((packets.get("end_s") or 0.0) - media.start_s, found[-1].time_s)
    declared_s = media.video_s or (media.whole_s if media.duration_s < media.whole_s - _SLACK_S else 0.0)
    if wanted and found[-1].time_s < wanted[-1].begin_s - _SLACK_S:
        declared_s, reached_s = max(declared_s, reached_s), found[-1].time_s
    lost = damage_of("picture", decoded_s=reached_s, declared_s=declared_s, slack_s=_SLACK_S, errors=errors)
    return lost or (f"its picture ends at {clock(reached_s)}: {media.stopped}" if media.stopped else "")


def _worth_having(frames: list[Frame], directory: Path, threshold: float) -> tuple[list[Frame], list[Shot]]:
    """Frames that differ from the one before, with what they look like; and the shots that all of them tell of."""
    kept: list[Frame] = []
    starts: list[float] = []
    shown = before = None
    for frame in frames:
        look = FrameStats(directory / frame.image)
        if before is None or look.cuts(before):
            starts.append(frame.time_s)
        before = look
        if shown is not None and look.differs(shown) < threshold:
            (directory / frame.image).unlink()
            continue
        kept.append(replace(frame, blank=look.blank, blurred=look.blurred))
        shown = look
    ends = [*starts[1:], frames[-1].time_s]
    return kept, list(zip(starts, ends, strict=True))
