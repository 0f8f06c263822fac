"""The pictures of a video worth looking at: keyframes where they are dense enough, else by time; no near-duplicates."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import ffmpeg

from medley.media.damage import damage_of
from medley.media.ffmpeg import input_of, run_ffmpeg, undecodable
from medley.media.look import Look
from medley.media.probe import end_of_packets
from medley.media.source import Source, asset_source
from medley.options import FrameOptions
from medley.settings import Limits
from medley.types import Asset, Frame

FRAMES = "frames.json"
_TIMES = "times.txt"
_JPEG_QUALITY = 3  # ffmpeg's 2 (best) to 31
#: First and last time of what the camera took at a stretch, in seconds; as fine as the frames are dense.
Shot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pictures:
    """What came out: frames by time, shots, and what is lost, empty where nothing is."""

    frames: list[Frame]
    shots: list[Shot]
    damage: str


def sample_frames(asset: Asset, directory: Path, options: FrameOptions, limits: Limits) -> Pictures:
    """Writes JPEGs and `frames.json` into `directory`; times in seconds from the container's start, ascending.

    Raises CorruptMedia where no picture can be decoded.
    """
    with asset_source(asset) as source:
        found, complaints = _decode(source, asset, directory, options, limits, keyframes=True)
        if not _dense(found, asset, options):
            _clear(directory)
            found, complaints = _decode(source, asset, directory, options, limits, keyframes=False)
        if not found:
            raise undecodable("picture", complaints, asset)
        lost = _damage(source, found[-1].time_s, asset, options, limits, complaints)
    kept, shots = _worth_having(found, directory, options.duplicate_threshold)
    (directory / _TIMES).unlink()
    (directory / FRAMES).write_text(json.dumps({"frames": [asdict(frame) for frame in kept], "shots": shots}))
    return Pictures(kept, shots, lost)


def read_frames(directory: Path) -> list[Frame]:
    """The frames that `sample_frames` wrote."""
    return [Frame(**frame) for frame in json.loads((directory / FRAMES).read_text())["frames"]]


def _decode(
    source: Source, asset: Asset, directory: Path, options: FrameOptions, limits: Limits, *, keyframes: bool
) -> tuple[list[Frame], str]:
    """The frames, and ffmpeg's complaints."""
    more: dict[str, Any] = {"skip_frame": "nokey"} if keyframes else {}
    stream = input_of(source, asset, limits, copyts=None, **more)[str(asset.media.video_stream)]
    spacing = f"isnan(prev_selected_t)+gte(t-prev_selected_t,{options.interval_s - 0.001:.3f})"
    picked = (
        _upright(
            stream.filter("setpts", f"PTS-({asset.media.start_s:.6f}/TB)").filter("select", spacing), asset, options
        )
        .filter("format", "yuvj420p")
        # print writes only frames that carry metadata, so each is given some
        .filter("metadata", "add", key="medley", value="1")
        .filter("metadata", "print", file=_TIMES)
    )
    out = ffmpeg.output(picked, "%06d.jpg", f="image2", fps_mode="passthrough", **{"q:v": _JPEG_QUALITY})
    complaints = run_ffmpeg(out, source=source, cwd=directory, limits=limits)
    return _read_times(directory), complaints


def _damage(source: Source, last_s: float, asset: Asset, options: FrameOptions, limits: Limits, complaints: str) -> str:
    """Where the last frame is far from the declared end, the packets tell: a still picture may last that long."""
    end_s = asset.media.video_s or asset.media.whole_s
    slack_s = max(options.interval_s, min(options.max_gap_s, 2.0)) + 0.5
    if end_s - last_s > slack_s:
        last_s = max(last_s, end_of_packets(source, asset.media, limits))
        slack_s = 0.5
    return damage_of("picture", decoded_s=last_s, declared_s=end_s, slack_s=slack_s, complaints=complaints)


def _upright(stream: Any, asset: Asset, options: FrameOptions) -> Any:
    """As a player shows it: square pixels, no combing, brightness of a standard screen; at most `max_side_px`.

    ffmpeg itself turns what was filmed on its side.
    """
    side = options.max_side_px
    scaled = (
        stream.filter("estdif", mode="frame", deint="interlaced")  # needs no neighbours, which keyframes lack
        .filter("scale", w="trunc(iw*sar/2)*2", h="ih")
        .filter("setsar", 1)
        .filter(
            "scale",
            w=f"if(gte(iw,ih),min(iw,{side}),-2)",
            h=f"if(gte(iw,ih),-2,min(ih,{side}))",
            **{} if asset.media.hdr else {"out_range": "full"},
        )
    )
    if not asset.media.hdr:
        return scaled
    # ffmpeg's own recipe for HDR on a standard screen; npl is the nominal peak of such a screen in cd/m2
    return (
        scaled.filter("zscale", t="linear", npl=100)
        .filter("format", "gbrpf32le")
        .filter("zscale", p="bt709")
        .filter("tonemap", "hable", desat=0)
        .filter("zscale", t="bt709", m="bt709", r="full")
    )


def _read_times(directory: Path) -> list[Frame]:
    times = directory / _TIMES
    text = times.read_text() if times.exists() else ""
    found = [float(time) for time in re.findall(r"pts_time:(-?[0-9.]+)", text)]
    frames = [Frame(max(0.0, round(time, 3)), f"{n:06d}.jpg") for n, time in enumerate(found, start=1)]
    return [frame for frame in frames if (directory / frame.image).exists()]


def _dense(frames: list[Frame], asset: Asset, options: FrameOptions) -> bool:
    """Whether no stretch of the video is further than `max_gap_s` from the next frame."""
    times = [frame.time_s for frame in frames]
    if not times or times[0] > options.max_gap_s:
        return False
    ends = [*times[1:], max(asset.media.video_s or asset.media.duration_s, times[-1])]
    return all(end - start <= options.max_gap_s for start, end in zip(times, ends, strict=True))


def _clear(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()


def _worth_having(frames: list[Frame], directory: Path, threshold: float) -> tuple[list[Frame], list[Shot]]:
    """Frames that differ from the one before, with what they look like; and the shots that all of them tell of."""
    kept: list[Frame] = []
    starts: list[float] = []
    shown = before = None
    for frame in frames:
        look = Look(directory / frame.image)
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
