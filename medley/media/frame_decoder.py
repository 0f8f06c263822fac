"""The wanted pictures of a video, as JPEGs by ffmpeg: of the whole file, or of parts of it at the same time."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg

from medley.media.choose import Shown
from medley.media.damage import broken_lines
from medley.media.ffmpeg import input_of, run_ffmpeg
from medley.media.source import Source, asset_source
from medley.media.spread import Spread
from medley.options import FrameOptions
from medley.setting_groups import Limits
from medley.types import Asset, Frame

_LEAF = 4
_NEAR_S = 0.005  # of times that ffmpeg prints
_JOINT = re.compile("packet corrupt|corrupt input packet", re.IGNORECASE)  # each joint in a transport stream
#: What HDR that does not name its colours has (ITU-R BT.2100).
_BT2020 = {"color_primaries": "bt2020", "colorspace": "bt2020nc"}
_JPEG_QUALITY = 3  # ffmpeg's 2 (best) to 31
_PART_S = 600.0  # of a video that several machines decode
_AROUND_S = 1.0  # that a part is read before its first and after its last picture


class Decoder:
    """Runs ffmpeg over one file; JPEGs are numbered on from run to run."""

    def __init__(
        self, source: Source, asset: Asset, directory: Path, options: FrameOptions, limits: Limits, made: int = 0
    ) -> None:
        """Begins to number JPEGs after `made`."""
        self._source, self._asset, self._directory = source, asset, directory
        self._options, self._limits = options, limits
        self._made = made
        self.complaints = ""

    def pictures(
        self, wanted: Sequence[Shown], shown: Sequence[Shown], unit_s: float, *, keyframes: bool, spread: Spread
    ) -> list[Frame]:
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
                made = self._in_parts(missing, shown, way, spread) or self.run(_any_of(missing), **way)
                found = _placed(made, missing, shown, unit_s) | found
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
        return self._there([Frame(max(0.0, round(at - start_s, 3)), name) for at, name in self.run(spacing)])

    def _there(self, frames: Sequence[Frame]) -> list[Frame]:
        ordered = sorted(frames, key=lambda frame: frame.time_s)
        return [frame for frame in ordered if (self._directory / frame.image).exists()]

    def _in_parts(
        self, wanted: Sequence[Shown], shown: Sequence[Shown], way: dict[str, Any], spread: Spread
    ) -> list[tuple[float, str]]:
        """Decodes the pictures of a long video on the machines of a cluster, each part from a keyframe on; as `run`.

        Nothing where there is one machine, where time stamps begin again in the middle, and where not every part gives
        all its pictures without a complaint: then the file as a whole is to say what is wrong with it.
        """
        parts = _parts(wanted, shown) if spread.machines > 1 and len({each.clock for each in shown}) == 1 else []
        if len(parts) < 2:
            return []
        jobs, before, start_s = [], self._made, self._asset.media.start_s
        for pictures, from_s in parts:
            until_s = pictures[-1].begin_s + start_s + _AROUND_S
            begin_s = from_s + start_s - _AROUND_S
            jobs.append(Part(_any_of(pictures), begin_s, until_s, before, way, self._options, self._limits))
            before += len(pictures)
        answers = list(spread.run(decode_part, self._asset, jobs, self._directory))
        made = [each for found, _ in answers for each in found]
        if any(errors for _, errors in answers) or [len(found) for found, _ in answers] != [len(p) for p, _ in parts]:
            for _, name in made:
                (self._directory / name).unlink(missing_ok=True)
            return []
        self._made = before
        return made

    def run(self, which: str, *, deinterlaced: bool = True, **more: Any) -> list[tuple[float, str]]:
        """Decodes the pictures for which `which` is true, an expression of ffmpeg. Returns the time by the file's clock
        and the name of each JPEG that came out, in their order.

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


@dataclass(frozen=True, slots=True)
class Part:
    """Some pictures of a video, which one machine decodes: from and until a time of the file's clock."""

    which: str
    from_s: float
    until_s: float
    made: int
    way: dict[str, Any]
    options: FrameOptions
    limits: Limits


def decode_part(asset: Asset, part: Part, directory: Path) -> tuple[list[tuple[float, str]], int]:
    """Decodes a part of a video; returns times and names of its JPEGs, and how many complaints mean damage."""
    with asset_source(asset) as source:
        decoder = Decoder(source, asset, directory, part.options, part.limits, part.made)
        seek: dict[str, Any] = {"ss": f"{part.from_s:.6f}", "to": f"{part.until_s:.6f}", "seek_timestamp": 1}
        return decoder.run(part.which, **part.way, **seek), decoder.errors


def _parts(wanted: Sequence[Shown], shown: Sequence[Shown]) -> list[tuple[list[Shown], float]]:
    """The pictures of each part, and the time of the keyframe before them, where decoding begins."""
    keys = [picture.begin_s for picture in shown if picture.key]
    parts: list[tuple[list[Shown], float]] = []
    for picture in wanted:
        if not parts or picture.begin_s - parts[-1][0][0].begin_s >= _PART_S:
            at = bisect_right(keys, picture.begin_s) - 1
            parts.append(([], keys[at] if at >= 0 else shown[0].begin_s))
        parts[-1][0].append(picture)
    return parts


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
