"""The tokens of the demo Whisper: byte-level BPE on the world's sentences, then Whisper's special tokens and times."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers

from tests.demo_models.texts import training_text

TIME_STEP_S = 0.02
# The order is Whisper's: text below <|endoftext|>, times right behind <|notimestamps|>.
_SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
_TIMES = tuple(f"<|{step * TIME_STEP_S:.2f}|>" for step in range(1501))
LETTERS = "abcdefghijklmnopqrstuvwxyz "
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

    def letter_ids(self, spoken: Sequence[Spoken]) -> list[int]:
        """The letters and the spaces between words, 0 to 26, as the helper loss wants them."""
        text = " ".join(each.text for each in spoken)
        return [LETTERS.index(letter) for letter in text]

    def target(self, spoken: Sequence[Spoken], *, times: bool) -> tuple[list[int], list[int]]:
        """What the decoder reads and what it is to say, equally long. Without speech: <|nospeech|>, then the end."""
        if not spoken:
            return [self.start, self.no_times], [self.no_speech, self.end]
        if not times:
            words = [token for each in spoken for token in self._encode(each.text)]
            return [self.start, self.no_times, *words], [self.no_times, *words, self.end]
        said: list[int] = []
        for each in spoken:
            said += [self._time(each.start_s), *self._encode(each.text), self._time(each.end_s)]
        return [self.start, *said], [*said, self.end]

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
    trainer = trainers.BpeTrainer(vocab_size=1000, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator((f" {training_text(rng)}" for _ in range(20_000)), trainer)
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in (*_SPECIAL, *_TIMES)])
    return Tokens(tokenizer)


def load_tokens(path: Path) -> Tokens:
    """What `tokens.tokenizer.save(path)` wrote."""
    return Tokens(tokenizers.Tokenizer.from_file(str(path)))
