"""Dialogues of the small world's voices, and who speaks when."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.world.narration import write_wav
from tests.world.sentences import make_sentence
from tests.world.voices import SAMPLE_RATE_HZ, Samples, Voice, random_voice, say

#: From and until when, in seconds; which voice; what it says.
Spoken = tuple[float, float, int, str]
_EDGE = 0.01  # of the synthesisers' silence


def different_voices(rng: random.Random, count: int) -> list[Voice]:
    """Draws voices that differ in more than speed and pitch."""
    found: dict[tuple[str, str, str], Voice] = {}
    while len(found) < count:
        voice = random_voice(rng)
        found.setdefault((voice.engine, voice.name, voice.variant), voice)
    return list(found.values())


def make_dialogue(out: Path, voices: Sequence[Voice], *, seed: int, turns: int = 14) -> list[Spoken]:
    """Writes a WAV (mono, 16 kHz) in which the voices take turns, and returns who says what when."""
    rng, parts, spoken = random.Random(seed), [np.zeros(SAMPLE_RATE_HZ // 2, np.float32)], list[Spoken]()
    at, last = SAMPLE_RATE_HZ // 2, -1
    for turn in range(turns):
        others = [n for n in range(len(voices)) if n != last or len(voices) == 1]
        last = turn if turn < len(voices) else rng.choice(others)  # everybody once, then by chance
        for _ in range(rng.randint(1, 3)):
            text = make_sentence(rng)
            sound = _alone(say(text, voices[last])) * rng.uniform(0.3, 0.8)
            spoken.append((at / SAMPLE_RATE_HZ, (at + len(sound)) / SAMPLE_RATE_HZ, last, text))
            parts += [sound, np.zeros(round(rng.uniform(0.15, 0.9) * SAMPLE_RATE_HZ), np.float32)]
            at += len(sound) + len(parts[-1])
    samples = np.concatenate(parts)
    noise = np.random.default_rng(seed).normal(0, 0.002, len(samples))
    write_wav(out, (samples + noise).astype(np.float32))
    return spoken


def _alone(sound: Samples) -> Samples:
    heard = np.flatnonzero(np.abs(sound) > _EDGE)
    part = sound[heard[0] : heard[-1] + 1]
    return (part / np.abs(part).max()).astype(np.float32)


def diarization_error(found: Sequence[tuple[float, float, int]], spoken: Sequence[Spoken]) -> float:
    """Returns the part of the speech that is missed, is none, or is another's (NIST's DER, without a collar)."""
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    steps = round(100 * max([end_s for _, end_s, *_ in spoken] + [end_s for _, end_s, _ in found])) + 1
    truth, guess = np.full(steps, -1), np.full(steps, -1)
    for begin_s, end_s, who, _ in spoken:
        truth[round(100 * begin_s) : round(100 * end_s)] = who
    for begin_s, end_s, number in found:
        guess[round(100 * begin_s) : round(100 * end_s)] = number
    said, both = truth >= 0, (truth >= 0) & (guess >= 0)
    shared = np.zeros((guess.max() + 1, truth.max() + 1))
    np.add.at(shared, (guess[both], truth[both]), 1)
    rows, columns = linear_sum_assignment(-shared)
    wrong = int((said & (guess < 0)).sum() + (~said & (guess >= 0)).sum() + both.sum() - shared[rows, columns].sum())
    return wrong / int(said.sum())
