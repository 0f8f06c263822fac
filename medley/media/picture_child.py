"""Decodes pictures into JPEGs of ours. A program: see pictures.py, which runs it.

Its job is {"max_side_px", "max_pixels", "pictures": [[PATH, FORMAT, TARGET], ...]}; it says one thing about each.
A child of its own, because it parses somebody else's bytes: where a decoder dies, only the picture at hand is lost.
"""

import io
import traceback
import warnings
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageOps

from medley.media.job_child import Tell, reason_of, serve

_QUALITY = 90
_16_BIT = 65_535.0


class _TooLarge(Exception):
    """Beyond our limit."""


def converted(path: str, kind: str, max_side_px: int, max_pixels: int) -> bytes:
    """The JPEG; raises what decoders raise."""
    if kind == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    with Image.open(path, formats=[kind]) as picture:
        if picture.width * picture.height > max_pixels:
            raise _TooLarge(f"has {picture.width}x{picture.height} pixels")
        picture.draft("RGB", (max_side_px, max_side_px))  # a JPEG is decoded at the size that is needed
        upright = ImageOps.exif_transpose(picture)
        upright.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS, reducing_gap=3.0)
        made = io.BytesIO()
        as_rgb(upright, picture.info.get("icc_profile")).save(made, "JPEG", quality=_QUALITY)
        return made.getvalue()


def as_rgb(picture: Image.Image, icc: bytes | None) -> Image.Image:
    """8 bit sRGB; what is transparent becomes white."""
    if picture.mode.startswith("I") or picture.mode == "F":
        highest = float(picture.getextrema()[1])  # type: ignore[arg-type]  # of one band
        scale = 255.0 / (_16_BIT if picture.mode.startswith("I") and highest > 255.0 else max(1.0, highest))
        return picture.convert("F").point(lambda value: value * scale).convert("L").convert("RGB")
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
    return _in_srgb(picture, icc) if icc else picture.convert("RGB")


def _in_srgb(picture: Image.Image, icc: bytes) -> Image.Image:
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        made = ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        made = None  # a profile that is damaged, or not for this kind of picture: the colours as they are
    return made or picture.convert("RGB")


def work(job: dict[str, Any], tell: Tell) -> None:
    """See the module."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # our own limit is looked at before anything is decoded
    for path, kind, target in job["pictures"]:
        found: dict[str, str] = {}
        try:
            made = converted(path, kind, job["max_side_px"], job["max_pixels"])
        except _TooLarge as error:
            found["too_large"] = str(error)
        except MemoryError:
            found["too_large"] = "takes more memory than it may"
        except Exception as error:  # noqa: BLE001  # whatever a decoder raises, it is this picture's fault
            traceback.print_exc()
            found["error"] = reason_of(error)
        else:
            Path(target).write_bytes(made)  # a full disk is not the picture's fault
        tell(found)


if __name__ == "__main__":
    serve(work)
