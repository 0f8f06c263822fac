"""What a vision model looks at, made of pictures on any CPU: no model and no torch is needed for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def squashed(paths: Sequence[Path], size: int) -> NDArray[np.uint8]:
    """Reads JPEGs that Medley made as squares of `size` pixels, RGB, shape (len(paths), size, size, 3).

    The whole picture is seen: width and height are scaled on their own, as open_clip's `squash` does.
    """
    squares = np.empty((len(paths), size, size, 3), np.uint8)
    for n, path in enumerate(paths):
        with Image.open(path, formats=["JPEG"]) as image:
            squares[n] = np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))
    return squares
