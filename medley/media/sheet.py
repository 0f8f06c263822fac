"""A contact sheet: the frames of a video in rows, each with its time, as one JPEG for people."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from medley.types import Frame, clock

_COLUMNS = 6
_TILE_PX = (160, 90)
_LABEL_PX = 16
_MOST = 60
_QUALITY = 70
_MARGIN_PX = 4


def contact_sheet(frames: Sequence[Frame], directory: Path) -> bytes:
    """A JPEG of up to 60 of the frames that `directory` holds, evenly chosen; empty where there is no frame."""
    shown = _spread(frames)
    if not shown:
        return b""
    width, height = _TILE_PX[0] + _MARGIN_PX, _TILE_PX[1] + _LABEL_PX + _MARGIN_PX
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * width + _MARGIN_PX, rows * height + _MARGIN_PX), "white")
    for n, frame in enumerate(shown):
        corner = (_MARGIN_PX + n % columns * width, _MARGIN_PX + n // columns * height)
        _put(sheet, corner, directory / frame.image, clock(frame.time_s))
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _spread(frames: Sequence[Frame]) -> list[Frame]:
    count = min(len(frames), _MOST)
    return [frames[n * len(frames) // count] for n in range(count)]


def _put(sheet: Image.Image, corner: tuple[int, int], path: Path, label: str) -> None:
    with Image.open(path, formats=["JPEG"]) as image:
        image.draft("RGB", _TILE_PX)  # decodes no more than the tile needs
        image.thumbnail(_TILE_PX)
        left = corner[0] + (_TILE_PX[0] - image.width) // 2
        sheet.paste(image, (left, corner[1] + (_TILE_PX[1] - image.height) // 2))
    font = ImageFont.load_default(_LABEL_PX - 4)
    ImageDraw.Draw(sheet).text((corner[0], corner[1] + _TILE_PX[1] + 1), label, fill="black", font=font)
