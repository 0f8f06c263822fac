"""Pictures of any mode as 8 bit sRGB. Only children import this.

Each child process imports NumPy anew, a third of its start: only the few pictures that need NumPy wait for it.
"""

from __future__ import annotations

import io

from PIL import Image, ImageCms

#: Of what is not transparent: lighter than this on average it would be lost on white.
_LIGHT = 200
_DARK_GROUND = (48, 48, 48)
_NOISE = 3  # levels that our own JPEG adds
_DEEP = ("I", "F")  # modes of more than 8 bits begin with these
#: The modes to which a profile of that colour space fits (ICC.1, 7.2.6).
_PROFILES = {"RGB": ("RGB",), "GRAY": ("L",), "CMYK": ("CMYK",)}


def as_rgb(picture: Image.Image, icc: bytes | None) -> Image.Image:
    """Converts a picture to 8 bit RGB, as a viewer shows the picture.

    Transparent parts become white, or dark where only a dark ground lets the rest be seen.
    """
    if picture.mode.startswith(_DEEP):
        return _deep(picture).convert("RGB")
    if picture.mode in ("La", "RGBa"):  # multiplied by its transparency already
        picture = picture.convert("LA" if picture.mode == "La" else "RGBA")
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, _ground(over)), over).convert("RGB")
    if picture.mode == "P":
        picture = picture.convert("RGB")
    return _in_srgb(picture, icc) if icc else picture.convert("RGB")


def _deep(picture: Image.Image) -> Image.Image:
    """The whole range of numbers that its samples may have: 10, 12, 14 or 16 bits, signed or not, or fractions."""
    import numpy as np

    values = np.nan_to_num(np.asarray(picture).astype(np.float32))
    lowest, highest = float(values.min()), float(values.max())
    if lowest < 0:
        values, highest = values - lowest, highest - lowest
    if picture.mode.startswith("I") and highest > 255:
        highest = float((1 << int(highest).bit_length()) - 1)
    scaled = values * (255.0 / max(highest, 1.0 if picture.mode.startswith("I") else 1e-6))
    return Image.fromarray(scaled.clip(0, 255).astype(np.uint8))


def _ground(over: Image.Image) -> str | tuple[int, int, int]:
    import numpy as np

    alpha = np.asarray(over.getchannel("A"))
    shown = np.asarray(over.convert("L"))[alpha > 127]
    return _DARK_GROUND if shown.size and shown.mean() > _LIGHT else "white"


def _in_srgb(picture: Image.Image, icc: bytes) -> Image.Image:
    """The colours as they are where the profile is damaged, or not for this kind of picture."""
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if picture.mode not in _PROFILES.get(own.profile.xcolor_space.strip(), ()):
            return picture.convert("RGB")
        made = ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        made = None
    return made or picture.convert("RGB")


def is_uniform(picture: Image.Image) -> bool:
    """Tells whether nothing is on the picture: each colour channel has one value all over."""
    return all(low == high for low, high in _extremes(picture.convert("RGB")))


def _extremes(picture: Image.Image) -> list[tuple[int, int]]:
    return [channel.getextrema() for channel in picture.split()]  # type: ignore[misc]  # of one band


def share_shown(picture: Image.Image) -> float:
    """Measures which share of a cut picture's height was decoded: the missing part is one colour down to the end."""
    import numpy as np

    rows = np.asarray(picture.convert("RGB").resize((64, 64)), np.int16)
    if np.ptp(rows[-1], axis=0).max() > _NOISE:
        return 1.0
    empty = (np.abs(rows - rows[-1].mean(axis=0)) <= _NOISE).all(axis=(1, 2))
    shown = np.flatnonzero(~empty)
    return float((shown[-1] + 1) / len(rows)) if shown.size else 0.0
