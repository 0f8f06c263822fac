"""Labels of pictures from a list of the user's, by a model of pictures and texts that was never trained for them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medley.models.base import Vectors

#: How far above what unrelated texts reach a label has to be, in deviations; and how near to the one that fits best.
_FITS, _NEAR_BEST = 4.0, 1.5
_LEAST = 0.005  # a deviation at least: of identical cosines nothing can be told
_CODED = "."  # no letter of a plain label


def fitting(pictures: Vectors, labels: Vectors, unrelated: Vectors) -> NDArray[np.bool_]:
    """Says which labels fit which pictures, shape (pictures, labels): all are unit vectors of one model.

    What a cosine is worth differs between models and pictures: that of a label is compared with those of texts that
    have nothing to do with any picture.
    """
    ground = pictures @ unrelated.T
    middle = np.median(ground, axis=1, keepdims=True)
    deviation = np.maximum(_LEAST, 1.4826 * np.median(np.abs(ground - middle), axis=1, keepdims=True))
    sure = (pictures @ labels.T - middle) / deviation
    return np.asarray((sure >= _FITS) & (sure >= sure.max(axis=1, keepdims=True) - _NEAR_BEST))


@lru_cache
def unrelated_texts() -> list[str]:
    """Lists fifty texts that most pictures and passages do not fit."""
    return Path(__file__).with_name("unrelated.txt").read_text().splitlines()


def mark(label: str) -> str:
    """Marks a record with a label, in whatever script it is written."""
    plain = "_".join(label.casefold().split())
    if plain.isascii() and plain.replace("_", "").replace("-", "").isalnum():
        return f"label:{plain}"
    return f"label:{_CODED}{plain.encode().hex()}"


def labels_in(marks: Sequence[str]) -> list[str]:
    """Reads the labels from the marks of a record."""
    return [_label(one.removeprefix("label:")) for one in marks if one.startswith("label:")]


def _label(name: str) -> str:
    plain = bytes.fromhex(name.removeprefix(_CODED)).decode() if name.startswith(_CODED) else name
    return plain.replace("_", " ")
