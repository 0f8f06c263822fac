"""The pictures of a video worth looking at: keyframes where they are dense enough, else by time; no near-duplicates."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import ffmpeg

from medley.media.choose import Shown, chosen, in_order
from medley.media.damage import broken_lines, damage_of
from medley.media.ffmpeg import input_of, run_ffmpeg, undecodable
from medley.media.frame_quality import FrameStats
from medley.media.probe import pictures_of
from medley.media.source import Source, asset_source
from medley.options import FrameOptions
from medley.setting_groups import Limits
from medley.types import Asset, Frame, clock

FRAMES = "frames.json"
_LEAF = 4
_NEAR_S = 0.005  # of times that ffmpeg prints
_JOINT = re.compile("packet corrupt|corrupt input packet", re.IGNORECASE)  # each joint in a transport stream
#: What HDR that does not name its colours has (ITU-R BT.2100).
_BT2020 = {"color_primaries": "bt2020", "colorspace": "bt2020nc"}
_SLACK_S = 0.5  # the last picture's length is a guess
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
        packets = pictures_of(source, asset.media, limits)
        shown = _shown(packets, asset)
        wanted, keyframes = chosen(shown, options)
        decoder = _Decoder(source, asset, directory, options, limits)
        found = decoder.pictures(wanted, shown, packets["unit_s"], keyframes) if wanted else []
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


class _Decoder:
    """Runs ffmpeg over one file; JPEGs are numbered on from run to run."""

    def __init__(self, source: Source, asset: Asset, directory: Path, options: FrameOptions, limits: Limits) -> None:
        self._source, self._asset, self._directory = source, asset, directory
        self._options, self._limits = options, limits
        self._made = 0
        self.complaints = ""

    def pictures(self, wanted: Sequence[Shown], shown: Sequence[Shown], unit_s: float, keyframes: bool) -> list[Frame]:
        """Decodes the frames of `wanted`. Each time stamp, in steps of `unit_s`, tells which picture came out.

        Pictures that did not come out are asked for again in other ways. Some containers give keyframes right
        stamps only where all is decoded. Where a change in mid-stream lets ffmpeg begin with new filters, a filter
        that keeps a picture back for deinterlacing loses that picture.
        """
        ways: list[dict[str, Any]] = [{"skip_frame": "nokey"}] if keyframes else []
        found: dict[float, str] = {}
        for way in (*ways, {}, {"deinterlaced": False}):
            missing = [picture for picture in wanted if picture.begin_s not in found]
            if missing and not (found and self.errors):
                found = _placed(self._run(_any_of(missing), **way), missing, shown, unit_s) | found
        return self._there([Frame(max(0.0, round(at, 3)), name) for at, name in found.items()])

    @property
    def errors(self) -> int:
        """How many of ffmpeg's complaints mean damage."""
        joints = self._asset.media.demuxer == "mpegts"
        return sum(not (joints and _JOINT.search(line)) for line in broken_lines(self.complaints))

    def by_spacing(self) -> list[Frame]:
        """Frames by ffmpeg's own reckoning of their times."""
        spacing = f"isnan(prev_selected_t)+gte(t-prev_selected_t,{self._options.interval_s - 0.001:.3f})"
        start_s = self._asset.media.start_s
        return self._there([Frame(max(0.0, round(at - start_s, 3)), name) for at, name in self._run(spacing)])

    def _there(self, frames: Sequence[Frame]) -> list[Frame]:
        ordered = sorted(frames, key=lambda frame: frame.time_s)
        return [frame for frame in ordered if (self._directory / frame.image).exists()]

    def _run(self, which: str, *, deinterlaced: bool = True, **more: Any) -> list[tuple[float, str]]:
        """Time by the file's clock and name of each JPEG that came out, in their order.

        No filter keeps state here: ffmpeg begins with new ones whenever size, shape or colours change in mid-stream.
        """
        media, limits = self._asset.media, self._limits
        stream = input_of(self._source, self._asset, limits, copyts=None, **more)[str(media.video_stream)]
        told = (
            _upright(stream.filter("select", which), self._asset, self._options, deinterlaced)
            .filter("format", "yuvj420p")
            # print writes only frames that carry metadata, so each is given some
            .filter("metadata", "add", key="medley", value="1")
            .filter("metadata", "print", file="-")
            # encoders refuse time stamps that go back: the time of day does not
            .filter("settb", "1/1000000")
            .filter("setpts", "RTCTIME")
        )
        how = {"f": "image2", "fps_mode": "passthrough", "enc_time_base": "filter", "q:v": _JPEG_QUALITY}
        out = ffmpeg.output(told, "%06d.jpg", start_number=self._made + 1, **how)
        printed, complaints = run_ffmpeg(out, source=self._source, cwd=self._directory, limits=limits)
        self.complaints += complaints
        times = re.findall(r"pts_time:(-?[0-9.]+)", printed)
        names = [f"{self._made + n:06d}.jpg" for n in range(1, len(times) + 1)]
        self._made += len(times)
        return list(zip(map(float, times), names, strict=True))


def _placed(
    made: Sequence[tuple[float, str]], wanted: Sequence[Shown], shown: Sequence[Shown], unit_s: float
) -> dict[float, str]:
    """Names of the JPEGs by when their pictures are shown. Times that do not rise: the next clock."""
    stamps = sorted({picture.stamp for picture in wanted})
    clocks = list(dict.fromkeys(picture.clock for picture in shown))
    places = {(picture.clock, picture.stamp): picture.begin_s for picture in shown}
    found: dict[float, str] = {}
    clock, before_s = 0, float("-inf")
    for at_s, name in made:
        clock, before_s = min(clock + (at_s <= before_s), len(clocks) - 1), at_s
        after = bisect_left(stamps, at_s / unit_s)
        nearest = min(stamps[max(0, after - 1) : after + 1], key=lambda stamp: abs(stamp * unit_s - at_s))
        place = places.get((clocks[clock], nearest))
        if place is not None and abs(nearest * unit_s - at_s) < _NEAR_S:
            found[place] = name
    return found


def _any_of(pictures: Sequence[Shown]) -> str:
    """An expression of ffmpeg that is true for their time stamps; it looks at few of them for each picture."""
    return _among(sorted({picture.stamp for picture in pictures}))


def _among(stamps: Sequence[int]) -> str:
    if len(stamps) <= _LEAF:
        return "+".join(f"eq(pts,{stamp})" for stamp in stamps)
    middle = len(stamps) // 2
    return f"if(lt(pts,{stamps[middle]}),{_among(stamps[:middle])},{_among(stamps[middle:])})"


def _damage(found: Sequence[Frame], wanted: Sequence[Shown], packets: dict[str, Any], asset: Asset, errors: int) -> str:
    """What was decoded against what the packets promise, and these against what the container declares."""
    media = asset.media
    reached_s = max((packets.get("end_s") or 0.0) - media.start_s, found[-1].time_s)
    declared_s = media.video_s or (media.whole_s if media.duration_s < media.whole_s - _SLACK_S else 0.0)
    if wanted and found[-1].time_s < wanted[-1].begin_s - _SLACK_S:
        declared_s, reached_s = max(declared_s, reached_s), found[-1].time_s
    lost = damage_of("picture", decoded_s=reached_s, declared_s=declared_s, slack_s=_SLACK_S, errors=errors)
    return lost or (f"its picture ends at {clock(reached_s)}: {media.stopped}" if media.stopped else "")


def _upright(stream: Any, asset: Asset, options: FrameOptions, deinterlaced: bool) -> Any:
    """As a player shows it: square pixels, no combing, brightness of a standard screen; at most `max_side_px`.

    ffmpeg itself turns what was filmed on its side.
    """
    side = options.max_side_px
    named = _as_told(stream, asset)
    if deinterlaced:
        named = named.filter("estdif", mode="frame", deint="interlaced")  # needs no neighbours, which keyframes lack
    scaled = (
        named.filter("scale", w="trunc(iw*sar/2)*2", h="ih")
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


def _as_told(stream: Any, asset: Asset) -> Any:
    """What is transparent over black, as players show it; colours with names."""
    if asset.media.alpha:
        stream = stream.filter("premultiply", inplace=1)
    if asset.media.hdr and asset.media.unsaid:
        stream = stream.filter("setparams", **{name: _BT2020[name] for name in asset.media.unsaid})
    return stream


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
