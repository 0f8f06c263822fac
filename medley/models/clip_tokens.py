"""The tokens of CLIP: OpenCLIP's list of merges (MIT), read without OpenCLIP, which loads torch."""

from __future__ import annotations

import gzip
import html
from importlib.util import find_spec
from pathlib import Path

import ftfy
from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split

_WORDS = r"(?i:<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"
_MERGES = 49152 - 256 - 2
_END = "</w>"


def clip_tokenizer(context_length: int) -> ClipTokenizer:
    """Builds the tokenizer that OpenCLIP has for models whose configuration names none."""
    return ClipTokenizer(context_length)


class ClipTokenizer:
    """Turns texts into tokens, begin and end marked."""

    def __init__(self, context_length: int) -> None:
        merges = [(a, b) for a, _, b in (line.partition(" ") for line in _lines()[1 : _MERGES + 1])]
        letters = sorted(ByteLevel.alphabet(), key=_order)
        names = [*letters, *(letter + _END for letter in letters), *("".join(merge) for merge in merges)]
        vocabulary = {name: n for n, name in enumerate([*names, "<start_of_text>", "<end_of_text>"])}
        self._begin, self._end = vocabulary["<start_of_text>"], vocabulary["<end_of_text>"]
        self._tokenizer = Tokenizer(BPE(vocabulary, merges, end_of_word_suffix=_END))
        words = Split(Regex(_WORDS), "removed", invert=True)
        self._tokenizer.pre_tokenizer = Sequence([words, ByteLevel(add_prefix_space=False, use_regex=False)])
        self._most = context_length

    def __call__(self, text: str) -> list[int]:
        """Returns the tokens of a text, at most as many as the model's context has, with the end mark as the last."""
        clean = " ".join(html.unescape(html.unescape(ftfy.fix_text(text))).split()).lower()
        found: list[int] = self._tokenizer.encode(clean, add_special_tokens=False).ids
        return [self._begin, *found[: self._most - 2], self._end]


def _lines() -> list[str]:
    """OpenCLIP's list, found without importing it."""
    known = find_spec("open_clip")
    assert known is not None
    assert known.origin is not None
    with gzip.open(Path(known.origin).with_name("bpe_simple_vocab_16e6.txt.gz")) as file:
        return file.read().decode().split("\n")


def _order(letter: str) -> tuple[bool, int]:
    """Letters that stand for themselves come first, then those that stand for other bytes."""
    return ord(letter) >= 256, ord(letter)
