"""Decodes pictures into JPEGs of ours. A program: see pictures.py, which runs it.

Its job is {"max_side_px", "max_pixels", "pictures": [[PATH, FORMAT, TARGET], ...]}; it says one thing about each.
A child of its own, because it parses somebody else's bytes: where a decoder dies, only the picture at hand is lost.
"""

from __future__ import annotations

import io
import traceback
import warnings
from pathlib import Path
from typing import Any

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from medley.media.job_child import Tell, reason_of, serve
from medley.media.picture_colours import as_rgb, is_uniform, share_shown

_QUALITY = 90
_FRAMES_LOOKED_AT = 50
_LEAST_SHARE = 0.25  # of a cut picture: less says nothing of what it was
#: Pillow keeps a pixel of these in one byte, of others in four.
_ONE_BYTE = ("1", "L", "P")
#: Tags of TIFF: a small copy of another picture in the file, and where the others are; a camera's raw files have both.
_NEW_SUBFILE_TYPE, _SUB_IFDS, _DNG_VERSION = 254, 330, 50706


class _TooLarge(Exception):
    """Beyond our limit."""


class _Raw(Exception):
    """A camera's raw file."""


def converted(path: str, kind: str, max_side_px: int, max_pixels: int) -> tuple[bytes, list[str]]:
    """The JPEG, and what else there is to say; raises what decoders raise."""
    if kind == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    with Image.open(path, formats=[kind]) as picture:
        _require_no_raw(picture)
        picture.draft("RGB", (max_side_px, max_side_px))  # a JPEG is decoded at the size that is needed
        if picture.width * picture.height * (1 if picture.mode in _ONE_BYTE else 4) > 4 * max_pixels:
            raise _TooLarge(f"has {picture.width}x{picture.height} pixels")
        notes = _notes(picture)
        _go_to_first_picture(picture)
        small = _upright(picture)
        small.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS, reducing_gap=3.0)
        made = io.BytesIO()
        as_rgb(small, picture.info.get("icc_profile")).save(made, "JPEG", quality=_QUALITY)
        return made.getvalue(), notes


def _require_no_raw(picture: Image.Image) -> None:
    tags = getattr(picture, "tag_v2", {})
    small_copy = tags.get(_NEW_SUBFILE_TYPE) == 1 and _SUB_IFDS in tags
    if picture.format == "TIFF" and (small_copy or _DNG_VERSION in tags):
        raise _Raw("is a camera's raw file")


def _notes(picture: Image.Image) -> list[str]:
    pages = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
    return [f"page 1 of {pages} is looked at; save it as PDF to have all of them"] if pages > 1 else []


def _go_to_first_picture(picture: Image.Image) -> None:
    """Some animations begin with an empty frame."""
    if picture.format not in ("GIF", "PNG", "WEBP") or getattr(picture, "n_frames", 1) == 1:
        return
    for number in range(min(picture.n_frames, _FRAMES_LOOKED_AT)):  # type: ignore[attr-defined]  # of these formats
        picture.seek(number)
        if not is_uniform(picture):
            return
    picture.seek(0)


def _upright(picture: Image.Image) -> Image.Image:
    """As the camera was held, where that can be read: damaged EXIF turns nothing."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # noqa: BLE001  # of Pillow's many ways to fail on these tags none concerns the picture
        picture.load()  # that may
        return picture


def _rescued(path: str, kind: str, job: dict[str, Any]) -> tuple[bytes, list[str]] | None:
    """What can be decoded of a file that is cut off; None where that is nothing."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        made, notes = converted(path, kind, job["max_side_px"], job["max_pixels"])
    except Exception:  # noqa: BLE001  # the first error is told
        return None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    with Image.open(io.BytesIO(made)) as picture:
        return (made, notes) if share_shown(picture) >= _LEAST_SHARE else None


def _look(path: str, kind: str, target: str, job: dict[str, Any]) -> dict[str, Any]:
    try:
        made, notes = converted(path, kind, job["max_side_px"], job["max_pixels"])
    except _TooLarge as error:
        return {"too_large": str(error)}
    except _Raw as error:
        return {"unsupported": str(error)}
    except MemoryError:
        return {"too_large": "takes more memory than it may"}
    except Exception as error:  # noqa: BLE001  # whatever a decoder raises, it is this picture's fault
        traceback.print_exc()
        rescued = _rescued(path, kind, job)
        if rescued is None:
            return {"error": _told(error)}
        Path(target).write_bytes(rescued[0])
        return {"damage": f"a part of it cannot be decoded: {_told(error)}", "notes": rescued[1]}
    Path(target).write_bytes(made)  # a full disk is not the picture's fault
    return {"notes": notes}


def _told(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # it names our descriptor
        return "its header is damaged, or of a variant that is not known"
    return reason_of(error)


def work(job: dict[str, Any], tell: Tell) -> None:
    """See the module."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # our own limit is looked at before anything is decoded
    for path, kind, target in job["pictures"]:
        tell(_look(path, kind, target, job))


if __name__ == "__main__":
    serve(work)
