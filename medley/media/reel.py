"""Moments of several files as one video, each with its source written below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg
from PIL import Image, ImageDraw, ImageFont

from medley.errors import CorruptMedia
from medley.media.child import run_child
from medley.media.ffmpeg import ffmpeg_program, input_of, run_ffmpeg, undecodable
from medley.media.source import asset_source
from medley.plain import printable
from medley.setting_groups import Limits
from medley.types import Asset, clock

_SIZE = (1280, 720)
_RATE, _SOUND_HZ = 25, 44_100
_LETTERS = 90


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of a file: from `start_s`, `length_s` long."""

    asset: Asset
    start_s: float
    length_s: float


def make_part(cut: Cut, directory: Path, limits: Limits) -> Path:
    """Cuts one part into `directory`, in the size and rate of all parts, and returns its path.

    What has no picture gets a black one, what has no sound silence. Raises MissingFile, CorruptMedia, TooLarge.
    """
    directory.mkdir(parents=True)
    _caption(f"{cut.asset.name}  {clock(cut.start_s)}").save(directory / "caption.png")
    with asset_source(cut.asset) as source:
        opened = input_of(source, cut.asset, limits, ss=cut.start_s, t=cut.length_s)
        picture = _picture(opened, cut).overlay(ffmpeg.input("caption.png"), x=0, y="H-h")
        output = ffmpeg.output(
            picture.filter("format", "yuv420p"),
            _sound(opened, cut),
            "part.mp4",
            t=cut.length_s,
            map_metadata=-1,
            **{"c:v": "libx264", "preset": "veryfast", "crf": 23, "c:a": "aac", "video_track_timescale": 12800},
        )
        _, complaints = run_ffmpeg(output, source=source, cwd=directory, limits=limits)
    part = directory / "part.mp4"
    if not part.is_file() or not part.stat().st_size:
        raise undecodable("part", complaints, cut.asset)
    return part


def _picture(opened: Any, cut: Cut) -> Any:
    width, height = _SIZE
    if cut.asset.media.video_stream is None:
        return ffmpeg.input(f"color=black:s={width}x{height}:r={_RATE}", f="lavfi", t=cut.length_s)
    scaled = opened[str(cut.asset.media.video_stream)].filter(
        "scale", width, height, force_original_aspect_ratio="decrease"
    )
    return scaled.filter("pad", width, height, "(ow-iw)/2", "(oh-ih)/2").filter("setsar", 1).filter("fps", _RATE)


def _sound(opened: Any, cut: Cut) -> Any:
    if cut.asset.media.audio_stream is None:
        return ffmpeg.input(f"anullsrc=r={_SOUND_HZ}:cl=stereo", f="lavfi", t=cut.length_s)
    heard = opened[str(cut.asset.media.audio_stream)].filter("aresample", _SOUND_HZ)
    return heard.filter("aformat", channel_layouts="stereo").filter("apad")


def _caption(text: str) -> Image.Image:
    """A line on a dark stripe as wide as the picture; drawn here, since ffmpeg's own text filter wants a font file."""
    stripe = Image.new("RGBA", (_SIZE[0], 40), (0, 0, 0, 170))
    font = ImageFont.load_default(20)
    ImageDraw.Draw(stripe).text((14, 8), printable(text)[:_LETTERS], font=font, fill=(255, 255, 255, 255))
    return stripe


def join_parts(parts: Sequence[Path], directory: Path, limits: Limits) -> Path:
    """Joins parts that `make_part` has made below `directory` into one MP4 there, and returns its path.

    Raises CorruptMedia, TooLarge.
    """
    names = directory / "parts.txt"
    names.write_text("".join(f"file '{part.relative_to(directory)}'\n" for part in parts))
    command = [ffmpeg_program(), "-nostdin", "-hide_banner", "-loglevel", "error", "-f", "concat", "-i", names.name]
    done = run_child(
        [*command, "-c", "copy", "-movflags", "+faststart", "-y", "reel.mp4"], cwd=directory, limits=limits, file="reel"
    )
    reel = directory / "reel.mp4"
    if done.returncode or not reel.is_file():
        raise CorruptMedia(f"the parts cannot be joined: {done.stderr.strip()[:200]}", file=str(directory))
    return reel
