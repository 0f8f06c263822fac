"""The tower for texts of CLIP by numpy: for the queries of a process in which nothing else needs torch.

Radford et al., arXiv:2103.00020; no runtime that Medley brings knows it without torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medley.models.base import Vectors

Weights = Mapping[str, NDArray[np.float32]]
Lengths = Sequence[int]  #: tokens of each text
Activation = Callable[[Vectors], Vectors]


def gelu(x: Vectors) -> Vectors:
    """Applies the exact GELU, with the error function to 1.5e-7 (Abramowitz and Stegun, 7.1.26)."""
    scaled = x * np.float32(1 / math.sqrt(2))
    size = np.abs(scaled)
    t = 1 / (1 + np.float32(0.3275911) * size)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.copysign(1 - poly * np.exp(-size * size), scaled)
    return np.asarray(0.5 * x * (1 + erf), np.float32)


def quick_gelu(x: Vectors) -> Vectors:
    """Applies the sigmoid approximation of GELU that OpenAI's CLIP was trained with."""
    return np.asarray(x / (1 + np.exp(-1.702 * x)), np.float32)


def linear(x: Vectors, weights: Weights, name: str) -> Vectors:
    """Applies a layer `name`.weight of shape (out, in), and `name`.bias, to rows of `x`."""
    return np.asarray(x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"], np.float32)


def layer_norm(x: Vectors, weights: Weights, name: str, eps: float) -> Vectors:
    """Normalises the rows of `x` to mean 0 and variance 1, scaled by the weights of `name`."""
    centred = x - x.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + np.float32(eps))
    return np.asarray(centred / deviation * weights[f"{name}.weight"] + weights[f"{name}.bias"], np.float32)


def attend(states: tuple[Vectors, ...], lengths: Lengths, heads: int, *, causal: bool = False) -> Vectors:
    """Attends within each text with `heads` heads; queries, keys and values have shape (tokens, width)."""
    bounds = np.cumsum(lengths)[:-1]
    each = zip(*(np.split(state, bounds) for state in states), strict=True)
    return np.concatenate([_attend(q, k, v, heads, causal=causal) for q, k, v in each])


def _attend(queries: Vectors, keys: Vectors, values: Vectors, heads: int, *, causal: bool) -> Vectors:
    tokens, width = queries.shape
    q, k, v = (x.reshape(tokens, heads, width // heads).transpose(1, 0, 2) for x in (queries, keys, values))
    scores = q @ k.transpose(0, 2, 1) / np.float32(math.sqrt(width // heads))
    if causal:
        scores = np.where(np.tri(tokens, dtype=bool), scores, np.float32(-np.inf))
    scores = np.exp(scores - scores.max(axis=2, keepdims=True))
    scores /= scores.sum(axis=2, keepdims=True)
    return np.asarray((scores @ v).transpose(1, 0, 2).reshape(tokens, width), np.float32)


@dataclass(frozen=True, slots=True)
class ClipText:
    """The tower for texts of CLIP (Radford et al., arXiv:2103.00020) over weights as OpenCLIP names them."""

    weights: Weights
    heads: int
    layers: int
    activation: Activation
    eps: float = 1e-5

    def __call__(self, texts: Sequence[list[int]]) -> Vectors:
        """Returns the vectors of texts that end with their end marks, shape (len(texts), dim).

        What would stand behind an end mark is not computed: no token sees a later one.
        """
        known, lengths = self.weights, [len(text) for text in texts]
        tokens, places = _in_a_row(texts)
        x = known["token_embedding.weight"][tokens] + known["positional_embedding"][places]
        for n in range(self.layers):
            x = self._block(x, lengths, f"transformer.resblocks.{n}")
        last = layer_norm(x[np.cumsum(lengths) - 1], known, "ln_final", self.eps)
        return np.asarray(last @ known["text_projection"], np.float32)

    def _block(self, x: Vectors, lengths: Lengths, name: str) -> Vectors:
        known, normed = self.weights, layer_norm(x, self.weights, f"{name}.ln_1", self.eps)
        both = normed @ known[f"{name}.attn.in_proj_weight"].T + known[f"{name}.attn.in_proj_bias"]
        seen = attend(tuple(np.split(both, 3, axis=1)), lengths, self.heads, causal=True)
        x = x + linear(seen, known, f"{name}.attn.out_proj")
        inner = self.activation(linear(layer_norm(x, known, f"{name}.ln_2", self.eps), known, f"{name}.mlp.c_fc"))
        return x + linear(inner, known, f"{name}.mlp.c_proj")


def _in_a_row(texts: Sequence[list[int]]) -> tuple[list[int], list[int]]:
    """All tokens of all texts, and the place of each within its text: weights are then read once for all."""
    return [token for text in texts for token in text], [place for text in texts for place in range(len(text))]


def read_weights(file: Any, names: Callable[[str], str | None]) -> dict[str, NDArray[np.float32]]:
    """Reads those tensors of a safetensors file to which `names` gives a name, as float32."""
    from safetensors import safe_open

    with safe_open(file, framework="np") as stored:
        wanted = {name: names(name) for name in stored.keys()}  # noqa: SIM118  # it is no dict
        return {new: _laid_out(new, stored.get_tensor(old)) for old, new in wanted.items() if new}


def _laid_out(name: str, tensor: NDArray[Any]) -> NDArray[np.float32]:
    """In the order in which it is read: matrices by columns, which `linear` makes rows of, embeddings by rows."""
    return np.asarray(tensor, np.float32, order="C" if "embedding" in name else "F")
