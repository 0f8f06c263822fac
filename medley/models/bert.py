"""BERT by CTranslate2 (OpenNMT, MIT) from safetensors, without torch.

Devlin et al., arXiv:1810.04805. Weights have the names that transformers gives them; the layout of the model is that
of CTranslate2's own converter, which would load torch and transformers. A text is encoded in one call that holds no
lock of Python: other threads go on.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medley.models.base import Vectors

_FILES = ("config.json", "model.bin", "vocabulary.json")
Weights = Mapping[str, NDArray[np.float32]]


class Bert:
    """Turns tokens into their last hidden states. `config`: that of the checkpoint."""

    def __init__(self, weights: Weights, config: Mapping[str, Any], vocabulary: Sequence[str], threads: int) -> None:
        import ctranslate2

        with tempfile.TemporaryDirectory() as directory, _no_torch():
            _save(weights, config, vocabulary, directory)
            files = {name: (Path(directory) / name).read_bytes() for name in _FILES}
        self._encoder = ctranslate2.Encoder("bert", files=files, intra_threads=threads, compute_type="float32")

    def __call__(self, texts: Sequence[list[int]]) -> list[Vectors]:
        """Returns the last hidden states of each text, shape (tokens, width)."""
        states = np.asarray(self._encoder.forward_batch(list(texts)).last_hidden_state)
        return [states[n, : len(text)] for n, text in enumerate(texts)]


@contextmanager
def _no_torch() -> Iterator[None]:
    """CTranslate2's specifications import torch wherever it is installed, and do without it elsewhere."""
    loaded = "torch" in sys.modules
    if not loaded:
        sys.modules["torch"] = None  # type: ignore[assignment]  # as `import` has it of what is not there
    try:
        yield
    finally:
        if not loaded:
            del sys.modules["torch"]


def _save(weights: Weights, config: Mapping[str, Any], vocabulary: Sequence[str], directory: str) -> None:
    from ctranslate2.specs import Activation, EmbeddingsMerge, TransformerEncoderModelSpec, TransformerEncoderSpec

    encoder = TransformerEncoderSpec(
        config["num_hidden_layers"],
        config["num_attention_heads"],
        pre_norm=False,
        activation=Activation.GELU,
        layernorm_embedding=True,
        num_source_embeddings=2,
        embeddings_merge=EmbeddingsMerge.ADD,
    )
    encoder.scale_embeddings = False
    _fill(encoder, weights)
    model = TransformerEncoderModelSpec(encoder)
    model.register_vocabulary(list(vocabulary))
    model.config.unk_token = vocabulary[0]  # tokens come as numbers: it is never looked up
    model.config.layer_norm_epsilon = config["layer_norm_eps"]
    model.validate()
    model.optimize(quantization=None)
    model.save(directory)


def _fill(encoder: Any, weights: Weights) -> None:
    at = "embeddings"
    encoder.embeddings[0].weight = weights[f"{at}.word_embeddings.weight"]
    encoder.embeddings[1].weight = weights[f"{at}.token_type_embeddings.weight"]
    encoder.position_encodings.encodings = weights[f"{at}.position_embeddings.weight"]
    _norm(encoder.layernorm_embedding, weights, f"{at}.LayerNorm")
    for n, layer in enumerate(encoder.layer):
        at = f"encoder.layer.{n}"
        parts = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
        together, out = layer.self_attention.linear
        together.weight = np.concatenate([weights[f"{part}.weight"] for part in parts])
        together.bias = np.concatenate([weights[f"{part}.bias"] for part in parts])
        _linear(out, weights, f"{at}.attention.output.dense")
        _norm(layer.self_attention.layer_norm, weights, f"{at}.attention.output.LayerNorm")
        _linear(layer.ffn.linear_0, weights, f"{at}.intermediate.dense")
        _linear(layer.ffn.linear_1, weights, f"{at}.output.dense")
        _norm(layer.ffn.layer_norm, weights, f"{at}.output.LayerNorm")


def _linear(layer: Any, weights: Weights, name: str) -> None:
    layer.weight, layer.bias = weights[f"{name}.weight"], weights[f"{name}.bias"]


def _norm(layer: Any, weights: Weights, name: str) -> None:
    layer.gamma, layer.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]
