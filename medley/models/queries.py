"""Encoders of queries without torch, whose import costs a process seconds and half a gigabyte.

Which models they know is told by the models' own configurations; all others are loaded as for ingesting. The vectors
are those of the model itself, up to the rounding of float32.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from medley.models.base import ModelSpec, TextEncoder, Vectors, load_model, unit
from medley.models.bert import Bert
from medley.models.clip_text import ClipText, gelu, quick_gelu, read_weights
from medley.models.locate import locate

_BATCH = 16  #: texts, of up to 512 tokens
_MODULES = ["Transformer", "Pooling", "Normalize"]
_TOWER = {"context_length", "vocab_size", "width", "heads", "layers"}
_MODEL = {"embed_dim", "vision_cfg", "text_cfg", "quick_gelu"}


def load_for_queries(spec: ModelSpec, *, threads: int) -> TextEncoder:
    """Loads the encoder of queries of a model; see `load_model` for what is raised."""
    known = {"sentence": _bert, "clip": _clip}.get(spec.loader)
    if known and not spec.endpoint and spec.compute_type == "float32" and (found := known(spec, locate(spec), threads)):
        threadpool_limits(threads)
        return found
    encoder: Any = load_model(spec, threads=threads)
    queries: TextEncoder = encoder.for_queries() if hasattr(encoder, "for_queries") else encoder
    return queries


class _Queries:
    """A `TextEncoder`."""

    def __init__(self, encode: Callable[[Sequence[str]], Vectors]) -> None:
        self._encode = encode
        self.dim = encode(["warm up"]).shape[1]

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encodes texts into unit vectors, shape (len(texts), dim); see `TextEncoder`."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        return unit(np.concatenate([self._encode(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH)]))


class _PictureQueries(_Queries):
    """An `ImageEncoder`: pictures are the model's own affair, which is loaded when the first one comes."""

    def __init__(self, spec: ModelSpec, encode: Callable[[Sequence[str]], Vectors]) -> None:
        super().__init__(encode)
        self._spec = spec
        self._model: Any = None

    def encode_images(self, paths: Sequence[Path]) -> Vectors:
        """Encodes JPEGs that Medley made into unit vectors, shape (len(paths), dim); see `ImageEncoder`."""
        self._model = self._model or load_model(self._spec, threads=1)
        vectors: Vectors = self._model.encode_images(paths)
        return vectors


class _TextQueries(_Queries):
    def __init__(self, states: Callable[[Sequence[str]], list[Vectors]], pooling: Callable[[Vectors], Vectors]) -> None:
        self._states = states
        super().__init__(lambda texts: np.stack([pooling(tokens) for tokens in states(texts)]))

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """Encodes each text into unit vectors of its tokens, shape (tokens, dim): for late interaction."""
        batches = (texts[at : at + _BATCH] for at in range(0, len(texts), _BATCH))
        return [unit(tokens) for batch in batches for tokens in self._states(batch)]


def _clip(spec: ModelSpec, directory: Path, _: int) -> TextEncoder | None:
    """OpenCLIP's usual tower for texts; None for another one."""
    from medley.models.clip_tokens import ClipTokenizer  # its libraries take 0.15 s: a service answers before that

    model, file = _json(directory / "open_clip_config.json")["model_cfg"], directory / "open_clip_model.safetensors"
    tower = model.get("text_cfg", {})
    if not (model.keys() <= _MODEL and tower.keys() == _TOWER and file.is_file()):
        return None
    weights = read_weights(file, lambda name: None if name.startswith("visual.") else name)
    if any(name.startswith("text.") for name in weights):
        return None
    activation = quick_gelu if model.get("quick_gelu") else gelu
    encode, tokens = (
        ClipText(weights, tower["heads"], tower["layers"], activation),
        ClipTokenizer(tower["context_length"]),
    )
    return _PictureQueries(spec, lambda texts: encode([tokens(text) for text in texts]))


def _bert(spec: ModelSpec, directory: Path, threads: int) -> TextEncoder | None:
    """A BERT whose tokens' mean, or first token, is the text's vector; None for another model."""
    config, file = _json(directory / "config.json"), directory / "model.safetensors"
    pooling = _pooling(directory)
    plain = config.get("model_type") == "bert" and config.get("hidden_act") == "gelu"
    plain = plain and config.get("position_embedding_type", "absolute") == "absolute"
    if not (plain and pooling and file.is_file() and (directory / "tokenizer.json").is_file()):
        return None
    weights = read_weights(file, lambda name: name.removeprefix("bert."))
    tokenizer = _tokenizer(directory, config["max_position_embeddings"])
    encode = Bert(weights, config, [tokenizer.id_to_token(n) or f"[{n}]" for n in range(config["vocab_size"])], threads)
    tokens = _tokens(directory, tokenizer)
    return _TextQueries(lambda texts: encode([tokens(text) for text in texts]), pooling)


def _pooling(directory: Path) -> Callable[[Vectors], Vectors] | None:
    """How a text's vector is made of its tokens'; None where that is more than the mean or the first."""
    kinds = [module["type"].rpartition(".")[2] for module in _json(directory / "modules.json")]
    told = _json(directory / "config_sentence_transformers.json")
    if kinds not in (_MODULES, _MODULES[:2]) or told.get("default_prompt_name"):
        return None
    config = _json(directory / _json(directory / "modules.json")[1]["path"] / "config.json")
    modes = [name for name, on in config.items() if name.startswith("pooling_mode") and on]
    if modes == ["pooling_mode_mean_tokens"]:
        return lambda states: np.asarray(states.mean(axis=0), np.float32)
    return (lambda states: states[0]) if modes == ["pooling_mode_cls_token"] else None


def _tokenizer(directory: Path, longest: int) -> Any:
    from tokenizers import Tokenizer

    told = _json(directory / "sentence_bert_config.json")
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(told.get("max_seq_length") or longest)
    return tokenizer


def _tokens(directory: Path, tokenizer: Any) -> Callable[[str], list[int]]:
    lower = bool(_json(directory / "sentence_bert_config.json").get("do_lower_case"))

    def tokens(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode((text.lower() if lower else text).strip()).ids
        return ids

    return tokens


def _json(file: Path) -> Any:
    return json.loads(file.read_text()) if file.is_file() else {}
