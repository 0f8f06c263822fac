"""Training windows: utterances in a row with pauses, noise and level changes, as features and targets.

What a step sees is a function of the seed and the step's number alone: a run that was broken off sees the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
import torch
from faster_whisper.feature_extractor import FeatureExtractor
from torch.utils.data import IterableDataset

from tests.demo_models.corpus import Corpus
from tests.demo_models.tokens import IGNORED, Spoken, Tokens
from tests.demo_models.training import my_share
from tests.world.voices import SAMPLE_RATE_HZ, Samples

FRAMES_PER_S = 100
_LANGUAGES = {"en": 0.6, "de": 0.4}  # how often windows are in each


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of batch: up to `speech_s` of sound in a window of `window_s`, behind the sound padded with zeros.

    Strong noise lies under the share `noisy` of the windows.
    """

    speech_s: float
    window_s: float
    batch: int
    noisy: float


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one step. `letters` are the helper's targets, one row behind the other; `lengths` theirs."""

    features: torch.Tensor  # batch x 80 x frames, float32
    read: torch.Tensor  # batch x tokens
    said: torch.Tensor  # batch x tokens, IGNORED behind the end
    letters: torch.Tensor
    lengths: torch.Tensor
    texts: tuple[str, ...]
    languages: tuple[str, ...]


class Windows(IterableDataset):  # type: ignore[type-arg,unused-ignore]
    """Batches for the steps from `first` on, endlessly; `shapes` says which kind a step has."""

    def __init__(self, corpus: Corpus, tokens: Tokens, shapes: list[Shape], *, seed: str, first: int) -> None:
        self._corpus, self._tokens, self._shapes = corpus, tokens, shapes
        self._seed, self._first = seed, first
        self._extract = FeatureExtractor()
        self._noises = [_noise(slope) for slope in (0.0, 0.0, 0.5, 1.0)]

    def __iter__(self) -> Iterator[Batch]:
        for step in my_share(range(self._first, len(self._shapes))):
            yield self.batch(step)

    def batch(self, step: int) -> Batch:
        """The batch of one step."""
        shape = self._shapes[step]
        examples = [self._example(shape, random.Random(f"{self._seed} {step} {i}")) for i in range(shape.batch)]
        targets = [
            self._tokens.target(spoken, language, times=i % 2 == 1) for i, (_, spoken, language) in enumerate(examples)
        ]
        rows = [self._tokens.letter_ids(spoken) for _, spoken, _ in examples]
        return Batch(
            features=torch.from_numpy(np.stack([features for features, *_ in examples])),
            read=_padded([read for read, _ in targets], self._tokens.end),
            said=_padded([said for _, said in targets], IGNORED),
            letters=torch.tensor([letter for row in rows for letter in row], dtype=torch.long),
            lengths=torch.tensor([len(row) for row in rows]),
            texts=tuple(" ".join(each.text for each in spoken) for _, spoken, _ in examples),
            languages=tuple(language for *_, language in examples),
        )

    def _example(self, shape: Shape, rng: random.Random) -> tuple[np.ndarray, list[Spoken], str]:
        """One window in one language."""
        language = rng.choices(list(_LANGUAGES), list(_LANGUAGES.values()))[0]
        numbers = self._corpus.by_language.get(language) or range(len(self._corpus))
        sound, spoken = self._without_speech(shape, rng) if rng.random() < 0.04 else self._speech(shape, numbers, rng)
        features = self._extract(self._worn(sound, shape.noisy, rng))[:, :-1]  # as faster-whisper takes them
        frames = round(shape.window_s * FRAMES_PER_S)
        return np.pad(features[:, :frames], ((0, 0), (0, max(0, frames - features.shape[1])))), spoken, language

    def _speech(self, shape: Shape, numbers: Sequence[int], rng: random.Random) -> tuple[Samples, list[Spoken]]:
        limit = round(rng.uniform(0.5, 1) * shape.speech_s * SAMPLE_RATE_HZ)
        pieces: list[Samples] = [np.zeros(_pause(rng, 0.02, 0.6), np.float32)]
        spoken: list[Spoken] = []
        length = len(pieces[0])
        while True:
            number = numbers[rng.randrange(len(numbers))]
            piece = _stretched(self._corpus.samples(number), rng)
            if length + len(piece) > (limit if spoken else shape.speech_s * SAMPLE_RATE_HZ):
                if spoken:
                    break
                continue
            spoken.append(
                Spoken(self._corpus.text(number), length / SAMPLE_RATE_HZ, (length + len(piece)) / SAMPLE_RATE_HZ)
            )
            gap = np.zeros(_pause(rng, 0.12, 1.0), np.float32)
            pieces += [piece * np.float32(rng.uniform(0.6, 1)), gap]
            length += len(piece) + len(gap)
        return np.concatenate(pieces)[: round(shape.speech_s * SAMPLE_RATE_HZ)], spoken

    def _without_speech(self, shape: Shape, rng: random.Random) -> tuple[Samples, list[Spoken]]:
        """Silence, noise or a tone: nothing to write down."""
        times = np.arange(round(rng.uniform(0.2, 1) * shape.speech_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
        tones = rng.randrange(4)
        sound = np.zeros(len(times), np.float32)
        for _ in range(tones):
            sound += np.float32(0.2) * np.sin(2 * np.pi * rng.uniform(60, 4000) * times).astype(np.float32)
        loudness = 0.0 if rng.random() < 0.3 else 10 ** rng.uniform(-3, -0.7)
        return sound + np.float32(loudness) * self._some_noise(len(times), rng), []

    def _worn(self, sound: Samples, noisy: float, rng: random.Random) -> Samples:
        """Another level, and noise: 5 to 35 dB below the speech in the noisy ones, faint in most of the others."""
        gain = rng.uniform(0.3, 1.2)
        level = 0.0 if rng.random() < 0.1 else 10 ** (rng.uniform(-90, -50) / 20)
        if rng.random() < noisy:
            loudness = float(np.sqrt(np.square(sound).mean())) + 1e-4
            level = loudness * 10 ** (-rng.uniform(5, 35) / 20)
        return (sound + np.float32(level) * self._some_noise(len(sound), rng)) * np.float32(gain)

    def _some_noise(self, count: int, rng: random.Random) -> Samples:
        noise = rng.choice(self._noises)
        first = rng.randrange(len(noise) - count)
        return noise[first : first + count]


def _pause(rng: random.Random, low_s: float, high_s: float) -> int:
    return round(rng.uniform(low_s, high_s) * SAMPLE_RATE_HZ)


def _stretched(samples: Samples, rng: random.Random) -> Samples:
    """In three of ten cases up to a tenth faster or slower, pitch and all: voices that no synthesiser has."""
    if rng.random() > 0.3:
        return samples
    rate = rng.uniform(0.9, 1.1)
    positions = np.arange(0, len(samples) - 1, rate)
    return np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)


def _noise(slope: float) -> Samples:
    """Two minutes of noise of level 1 that falls towards high frequencies: white (0), pink (0.5), brown (1)."""
    white = np.random.default_rng(round(10 * slope)).standard_normal(1 << 21, np.float32)
    spectrum = scipy.fft.rfft(white)
    spectrum[1:] /= np.arange(1, len(spectrum), dtype=np.float32) ** np.float32(slope)
    coloured = scipy.fft.irfft(spectrum)
    return coloured / coloured.std()


def _padded(rows: list[list[int]], value: int) -> torch.Tensor:
    width = max(map(len, rows))
    return torch.tensor([row + [value] * (width - len(row)) for row in rows])
