"""Decodes pictures into JPEGs of ours. A program: see pictures.py, which runs it.

Its job is {"max_side_px", "max_pixels", "max_pages", "pictures": [[PATH, FORMAT, TARGET], ...]}; it says one thing
about each.
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
from medley.media.page_names import page_name
from medley.media.picture_colours import as_rgb, is_uniform, share_shown
from medley.media.picture_tags import tags_of

_QUALITY = 90
_FRAMES_LOOKED_AT = 50
_LEAST_SHARE = 0.25  # of a cut picture: less says nothing of what it was
#: Pillow keeps a pixel of these in one byte, of others in four.
_ONE_BYTE = ("1", "L", "P")
#: Tags of TIFF: a small copy of another picture in the file, and where the others are; a camera's raw files have both.
_NEW_SUBFILE_TYPE, _SUB_IFDS, _DNG_VERSION = 254, 330, 50706
_NO_PAGE = 1 | 4  # of _NEW_SUBFILE_TYPE: a smaller copy of another page, a mask for one


class _TooLarge(Exception):
    """Beyond our limit."""


class _Raw(Exception):
    """A camera's raw file."""


def converted(path: str, kind: str, job: dict[str, Any]) -> bytes:
    """Converts the picture at `path` into the bytes of a JPEG. Raises the errors that decoders raise."""
    if kind == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    with Image.open(path, formats=[kind]) as picture:
        _require_no_raw(picture)
        side = job["max_side_px"]
        picture.draft("RGB", (side, side))  # a JPEG is decoded at the size that is needed
        _go_to_first_picture(picture)
        return _as_jpeg(picture, job)


def _as_jpeg(picture: Image.Image, job: dict[str, Any]) -> bytes:
    """The frame that the picture is at."""
    side = job["max_side_px"]
    if picture.width * picture.height * (1 if picture.mode in _ONE_BYTE else 4) > 4 * job["max_pixels"]:
        raise _TooLarge(f"has {picture.width}x{picture.height} pixels")
    small = _upright(picture)
    small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    made = io.BytesIO()
    as_rgb(small, picture.info.get("icc_profile")).save(made, "JPEG", quality=_QUALITY)
    return made.getvalue()


def _further_pages(path: str, kind: str, target: str, job: dict[str, Any]) -> dict[str, Any]:
    """Pages 2 and on of a TIFF, each a JPEG beside the first one; small copies of a page and its masks are none."""
    if kind != "TIFF":
        return {"pages": [], "notes": []}
    pages, lost, notes = [], [], []
    with Image.open(path, formats=[kind]) as picture:
        count = picture.n_frames  # type: ignore[attr-defined]  # of this format
        if count > job["max_pages"]:
            notes.append(f"of {count} pages the first {job['max_pages']} are looked at (MEDLEY_LIMITS__MAX_PAGES)")
        for number in range(2, min(count, job["max_pages"]) + 1):
            try:
                picture.seek(number - 1)
                if picture.tag_v2.get(_NEW_SUBFILE_TYPE, 0) & _NO_PAGE:  # type: ignore[attr-defined]
                    continue
                Path(page_name(target, number)).write_bytes(_as_jpeg(picture, job))
                pages.append(number)
            except Exception as error:  # noqa: BLE001  # its neighbours are pages of their own
                lost.append(f"page {number} cannot be decoded: {_reason(error)}")
    return {"pages": pages, "notes": notes} | ({"damage": "; ".join(lost[:3])} if lost else {})


def _require_no_raw(picture: Image.Image) -> None:
    tags = getattr(picture, "tag_v2", {})
    small_copy = tags.get(_NEW_SUBFILE_TYPE) == 1 and _SUB_IFDS in tags
    if picture.format == "TIFF" and (small_copy or _DNG_VERSION in tags):
        raise _Raw("is a camera's raw file")


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
    picture.load()  # here, and once: where decoding fails, some formats give a second caller what there is
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # noqa: BLE001  # of Pillow's many ways to fail on these tags none concerns the picture
        return picture


def _rescued(path: str, kind: str, job: dict[str, Any]) -> bytes | None:
    """What can be decoded of a file that is cut off; None where that is nothing."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        made = converted(path, kind, job)
    except Exception:  # noqa: BLE001  # the first error is told
        return None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    with Image.open(io.BytesIO(made)) as picture:
        return made if share_shown(picture) >= _LEAST_SHARE else None


def _look(path: str, kind: str, target: str, job: dict[str, Any]) -> dict[str, Any]:
    try:
        made = converted(path, kind, job)
    except _TooLarge as error:
        return {"too_large": str(error)}
    except _Raw as error:
        return {"unsupported": str(error)}
    except MemoryError:
        return {"too_large": "takes more memory than it may"}
    except Exception as error:  # noqa: BLE001  # whatever a decoder raises, it is this picture's fault
        traceback.print_exc()
        rescued = _rescued(path, kind, job)
        others = _others(path, kind, target, job)
        if rescued is None and not others["pages"]:
            return {"error": _reason(error)}
        if rescued is not None:
            Path(target).write_bytes(rescued)
            others["pages"].insert(0, 1)
        what = "page 1 of it" if rescued is None else "a part of it"
        lost = [f"{what} cannot be decoded: {_reason(error)}", others.get("damage", "")]
        return others | {"damage": "; ".join(filter(None, lost))}
    Path(target).write_bytes(made)  # a full disk is not the picture's fault
    others = _further_pages(path, kind, target, job)
    return others | {"pages": [1, *others["pages"]]}


def _others(path: str, kind: str, target: str, job: dict[str, Any]) -> dict[str, Any]:
    """Pages 2 and on of a file whose first one is damaged; none where that keeps the file from being opened."""
    try:
        return _further_pages(path, kind, target, job)
    except Exception:  # noqa: BLE001  # the first error is told
        return {"pages": [], "notes": []}


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # it names our descriptor
        return "its header is damaged, or of a variant that is not known"
    return reason_of(error)


def work(job: dict[str, Any], tell: Tell) -> None:
    """Converts each picture of the job into JPEGs, and tells one thing about each picture; see the module."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # our own limit is looked at before anything is decoded
    for path, kind, target in job["pictures"]:
        tell({**_look(path, kind, target, job), "tags": tags_of(path, kind)})


if __name__ == "__main__":
    serve(work)
