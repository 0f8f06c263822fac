"""A contact sheet: small pictures in rows, each with a label, as one JPEG for people."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

#: A JPEG of ours, and what stands below it.
Labelled = tuple[Path, str]

_COLUMNS = 6
_TILE_PX = (160, 90)
_LABEL_PX = 16
_MOST = 60
_QUALITY = 70
_MARGIN_PX = 4


def contact_sheet(pictures: Sequence[Labelled]) -> bytes:
    """Draws up to 60 of the pictures, evenly chosen, as one JPEG; empty where there is no picture."""
    shown = _spread(pictures)
    if not shown:
        return b""
    width, height = _TILE_PX[0] + _MARGIN_PX, _TILE_PX[1] + _LABEL_PX + _MARGIN_PX
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * width + _MARGIN_PX, rows * height + _MARGIN_PX), "white")
    for n, (path, label) in enumerate(shown):
        corner = (_MARGIN_PX + n % columns * width, _MARGIN_PX + n // columns * height)
        _put(sheet, corner, path, label)
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _spread(pictures: Sequence[Labelled]) -> list[Labelled]:
    count = min(len(pictures), _MOST)
    return [pictures[n * len(pictures) // count] for n in range(count)]


def _put(sheet: Image.Image, corner: tuple[int, int], path: Path, label: str) -> None:
    with Image.open(path, formats=["JPEG"]) as image:
        image.draft("RGB", _TILE_PX)  # decodes no more than the tile needs
        image.thumbnail(_TILE_PX)
        left = corner[0] + (_TILE_PX[0] - image.width) // 2
        sheet.paste(image, (left, corner[1] + (_TILE_PX[1] - image.height) // 2))
    ImageDraw.Draw(sheet).text((corner[0], corner[1] + _TILE_PX[1] + 1), label, fill="black", font=_font())


@functools.lru_cache
def _font() -> Any:
    return ImageFont.load_default(_LABEL_PX - 4)
