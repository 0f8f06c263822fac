"""The tokens of the demo Whisper: byte-level BPE on the world's sentences in two languages, then Whisper's special
tokens and times.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers

from tests.demo_models.texts import german_text, training_text

TIME_STEP_S = 0.02
# The order is Whisper's: text below <|endoftext|>, times right behind <|notimestamps|>.
_SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|de|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
_TIMES = tuple(f"<|{step * TIME_STEP_S:.2f}|>" for step in range(1501))
LETTERS = "abcdefghijklmnopqrstuvwxyz äöüß"
IGNORED = -100  # cross-entropy's own mark for "no label here"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence in a window: what is said and from when to when, in seconds from the window's start."""

    text: str
    start_s: float
    end_s: float


class Tokens:
    """Text to ids and back."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.size: int = tokenizer.get_vocab_size()
        self.end, self.start, *_, self.no_speech, self.no_times = map(tokenizer.token_to_id, _SPECIAL)
        self.task = tokenizer.token_to_id("<|transcribe|>")
        self.languages = {name: tokenizer.token_to_id(f"<|{name}|>") for name in ("en", "de")}

    def letter_ids(self, spoken: Sequence[Spoken]) -> list[int]:
        """The letters and the spaces between words, by their places in LETTERS, as the helper loss wants them."""
        text = " ".join(each.text for each in spoken)
        return [LETTERS.index(letter) for letter in text]

    def prompt(self, language: str) -> list[int]:
        """What the decoder reads before words without times."""
        return [self.start, self.languages[language], self.task, self.no_times]

    def target(self, spoken: Sequence[Spoken], language: str, *, times: bool) -> tuple[list[int], list[int]]:
        """What the decoder reads and what it is to say, equally long. Without speech: <|nospeech|>, then the end."""
        prompt = self.prompt(language)
        if not spoken:
            return prompt, [self.no_speech, IGNORED, IGNORED, self.end]
        if not times:
            words = [token for each in spoken for token in self._encode(each.text)]
            return [*prompt, *words], [*prompt[1:], *words, self.end]
        said: list[int] = []
        for each in spoken:
            said += [self._time(each.start_s), *self._encode(each.text), self._time(each.end_s)]
        return [*prompt[:3], *said], [*prompt[1:3], *said, self.end]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids up to the first end; times and other special tokens are left out."""
        until = list(ids).index(self.end) if self.end in ids else len(ids)
        return str(self.tokenizer.decode([token for token in ids[:until] if token < self.end]))

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(f" {text}", add_special_tokens=False).ids)

    def _time(self, seconds: float) -> int:
        return self.no_times + 1 + max(0, min(1500, round(seconds / TIME_STEP_S)))


def learn_tokens(seed: int) -> Tokens:
    """The same tokens for the same seed."""
    rng = random.Random(f"tokens {seed}")
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=1400, initial_alphabet=alphabet, show_progress=False)
    makers = (training_text, training_text, german_text)
    tokenizer.train_from_iterator((f" {makers[n % 3](rng)}" for n in range(30_000)), trainer)
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in (*_SPECIAL, *_TIMES)])
    return Tokens(tokenizer)


def load_tokens(path: Path) -> Tokens:
    """What `tokens.tokenizer.save(path)` wrote."""
    return Tokens(tokenizers.Tokenizer.from_file(str(path)))
