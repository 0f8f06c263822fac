"""Parts of files as browsers and players show them: a page as a picture, a few seconds as a clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ffmpeg

from medley.errors import CorruptMedia, EncryptedPdf, MissingFile
from medley.media.ffmpeg import input_of, run_ffmpeg, undecodable
from medley.media.job import run_job
from medley.media.pdf_exits import ENCRYPTED_EXIT
from medley.media.source import Source, asset_source
from medley.setting_groups import Limits
from medley.types import Asset

_PROGRAM = Path(__file__).with_name("pdf_child.py")  # not imported: it loads PDFium
_IMAGE = "page.png"
_WALL_S = 60.0  #: somebody waits
_SIDE_PX = 720  #: height of a clip at most
Box = Sequence[float]


def draw_page(asset: Asset, number: int, boxes: Sequence[Box], directory: Path, limits: Limits, dpi: int = 110) -> Path:
    """Draws a page (from 1) of a PDF as a PNG in `directory`, with a frame around each box; returns its path.

    Boxes are in points from the top left. Raises MissingFile where the page or the file is not there, EncryptedPdf,
    CorruptMedia.
    """
    job: dict[str, Any] = {"want": "drawing", "first": number, "last": number, "boxes": [list(box) for box in boxes]}
    job |= {"image": _IMAGE, "directory": str(directory), "dpi": dpi, "max_side_px": 2400, "password": None}
    with asset_source(asset) as source:
        told = run_job(_PROGRAM, {**job, "path": str(source.path)}, _patient(limits), directory, [source])
    if told.exit == ENCRYPTED_EXIT:
        raise EncryptedPdf("needs a password", file=asset.path, remedy="Open it in a reader")
    if told.lines and number > told.lines[0]["pages"]:
        raise MissingFile(f"has no page {number}", file=asset.path, remedy=f"It has {told.lines[0]['pages']}")
    if len(told.lines) < 2 or "error" in told.lines[1]:
        raise CorruptMedia(f"page {number} cannot be drawn", file=asset.path, remedy="Open it in a reader")
    return directory / _IMAGE


def cut_clip(asset: Asset, start_s: float, length_s: float, directory: Path, limits: Limits, caption: str = "") -> Path:
    """Cuts some seconds out of a video or a sound file, as an MP4 that every browser plays; returns its path.

    `caption` is a picture (PNG) that is laid over the lower left corner. Raises MissingFile, CorruptMedia, TooLarge.
    """
    target = directory / "clip.mp4"
    with asset_source(asset) as source:
        output = _clip(source, asset, (start_s, length_s), limits, target, caption)
        _, complaints = run_ffmpeg(output, source=source, cwd=directory, limits=_patient(limits))
    if not target.is_file() or not target.stat().st_size:
        raise undecodable("part", complaints, asset)
    return target


def _clip(source: Source, asset: Asset, span: tuple[float, float], limits: Limits, target: Path, caption: str) -> Any:
    streams, how = [], dict[str, Any]()
    opened = input_of(source, asset, limits, ss=max(0.0, span[0]), t=span[1])
    if asset.media.video_stream is not None:
        picture = opened[str(asset.media.video_stream)].filter("scale", -2, f"min({_SIDE_PX},trunc(ih/2)*2)")
        if caption:
            picture = picture.overlay(ffmpeg.input(caption), x=12, y="H-h-12")
        streams.append(picture.filter("format", "yuv420p"))
        how |= {"c:v": "libx264", "preset": "veryfast", "crf": 23}
    if asset.media.audio_stream is not None:
        streams.append(opened[str(asset.media.audio_stream)].filter("aresample", 44_100))
        how |= {"c:a": "aac", "ac": 2}
    if not streams:
        raise MissingFile("has neither sound nor picture", file=asset.path)
    return ffmpeg.output(
        *streams, target.name, f="mp4", movflags="+faststart", map_metadata=-1, sn=None, dn=None, **how
    )


def _patient(limits: Limits) -> Limits:
    return limits.model_copy(update={"wall_s": min(limits.wall_s, _WALL_S)})
