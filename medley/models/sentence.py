"""Texts: checkpoints of sentence-transformers (UKPLab), from a directory with a modules.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from medley.models.base import ModelSpec, Vectors, pick_device, unit
from medley.models.deferred import deferred
from medley.models.locate import locate

with deferred("sklearn", "metrics"):
    from sentence_transformers import SentenceTransformer

_BATCH = 32


class SentenceEncoder:
    """A `TextEncoder`."""

    facts: ClassVar[dict[str, Any]] = {"divisible": ("encode_texts",)}  #: see `actors.replica.Facts`

    def __init__(self, spec: ModelSpec, threads: int) -> None:
        torch.set_num_threads(threads)
        device = pick_device(spec, cuda_devices=torch.cuda.device_count())
        self._model = SentenceTransformer(str(locate(spec)), device=device, local_files_only=True)
        if spec.compute_type == "float16":
            self._model = self._model.half()
        self.dim = int(self.encode_texts(["warm up"]).shape[1])

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encodes texts into unit vectors, shape (len(texts), dim); see `TextEncoder`."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        return unit(self._model.encode(list(texts), batch_size=_BATCH, show_progress_bar=False))

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """Encodes each text into unit vectors of its tokens, shape (tokens, dim): for late interaction."""
        found = self._model.encode(
            list(texts), batch_size=_BATCH, show_progress_bar=False, output_value="token_embeddings"
        )
        return [unit(tokens.float().cpu().numpy()) for tokens in found]


def load(spec: ModelSpec, *, threads: int) -> SentenceEncoder:
    """Loads the sentence-transformers model of a specification, and warms the model up."""
    return SentenceEncoder(spec, threads)
