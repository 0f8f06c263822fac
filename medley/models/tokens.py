"""How many tokens a text model makes of a text: without its weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from medley.models import nano
from medley.models.base import ModelSpec
from medley.models.locate import locate

_SPECIAL = 2  # what encoders put around a text
_LETTERS = 3  # a token of a model whose tokenizer a server has, at least
_SERVED = 8192
_NANO_SPECIAL = 4  # `passage:`, and what stands around a text


@lru_cache
def token_counter(spec: ModelSpec) -> Callable[[str], int]:
    """Counts tokens as the model does, rather too many where a server has it; raises ModelUnavailable."""
    if spec.endpoint:
        return lambda text: -(-len(text) // _LETTERS)
    if spec.loader == "nano":
        model = nano.engine(1)
        return lambda text: max(0, model.token_count(text) - _NANO_SPECIAL)
    tokenizer = _tokenizer(str(locate(spec)))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def most_tokens(spec: ModelSpec) -> int:
    """Returns how many tokens of a text the model reads at most; the model would not see the rest."""
    if spec.endpoint:
        return _SERVED
    if spec.loader == "nano":
        return nano.MOST_TOKENS
    config = locate(spec) / "sentence_bert_config.json"
    known = json.loads(config.read_text()) if config.is_file() else {}
    return int(known.get("max_seq_length") or 512) - _SPECIAL


def _tokenizer(directory: str) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(Path(directory, "tokenizer.json")))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
