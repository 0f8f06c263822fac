"""What a picture says of itself: when, where and with what it was taken, and what somebody wrote into it.

Tags are those of EXIF 2.32 (JEITA CP-3451X), which JPEG, TIFF, PNG, WebP and HEIF share, and the text of PNG.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

#: EXIF's placeholder for a camera that did not know the time.
_NO_TIME = "0000"


def tags_of(path: str, kind: str) -> dict[str, str]:
    """Reads the tags of the picture at `path`; nothing where they are damaged: the picture itself may be fine."""
    try:
        with Image.open(path, formats=[kind]) as picture:
            written = {str(name): value for name, value in picture.info.items() if isinstance(value, str)}
            return {**written, **_exif(picture.getexif())}
    except Exception:  # noqa: BLE001  # of Pillow's many ways to fail on these tags none concerns the picture
        return {}


def _exif(tags: Any) -> dict[str, str]:
    shot, place = tags.get_ifd(IFD.Exif), tags.get_ifd(IFD.GPSInfo)
    found = {
        "description": tags.get(Base.ImageDescription),
        "artist": tags.get(Base.Artist),
        "camera": camera(_text(tags.get(Base.Make)), _text(tags.get(Base.Model))),
        "date": taken(_text(shot.get(Base.DateTimeOriginal) or tags.get(Base.DateTime))),
        "place": where(place),
    }
    return {name: _text(value) for name, value in found.items() if _text(value)}


def _text(value: Any) -> str:
    """Writers pad with zero bytes and blanks. The standard knows ASCII only; what is more is UTF-8, mostly."""
    if not isinstance(value, str):
        return ""
    with contextlib.suppress(UnicodeError):
        value = value.encode("latin-1").decode()  # Pillow has read it as Latin 1
    return str(value).partition("\0")[0].strip()


def camera(make: str, model: str) -> str:
    """Joins maker and model, as "NIKON D750": many models begin with their maker."""
    return model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()


def taken(given: str) -> str:
    """Writes EXIF's "2024:05:01 12:30:00" as ISO 8601; empty where it is no time."""
    found = re.fullmatch(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d:\d\d:\d\d).*", given)
    return f"{found[1]}-{found[2]}-{found[3]}T{found[4]}" if found and found[1] != _NO_TIME else ""


def where(tags: Any) -> str:
    """Writes degrees, minutes and seconds as "48.85837, 2.29448": degrees north and east."""
    try:
        north = _degrees(tags[GPS.GPSLatitude], tags.get(GPS.GPSLatitudeRef) == "S")
        east = _degrees(tags[GPS.GPSLongitude], tags.get(GPS.GPSLongitudeRef) == "W")
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return ""
    return f"{north:.5f}, {east:.5f}" if abs(north) <= 90 and abs(east) <= 180 else ""


def _degrees(parts: Any, negative: bool) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return (degrees + minutes / 60 + seconds / 3600) * (-1 if negative else 1)
