"""Speech on a time line: sentences spoken one after another, each at a known time."""

from __future__ import annotations

import random
import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.world.truth import SpokenSentence
from tests.world.voices import SAMPLE_RATE_HZ, Samples, Voice, say

# Speech counts as begun once a 10 ms window's level passes this share of the loudest window's (-30 dB).
_SILENT_SHARE = 0.03
_WINDOW = SAMPLE_RATE_HZ // 100
# Kept around the speech so that the cut itself is inaudible; the truth does not count it.
_MARGIN = 2 * _WINDOW
_PEAK = 0.6
# Quiet kept before the first and behind the last sentence, and around the silent stretch.
_EDGE_S = 0.4


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Line:
    """A sentence and who speaks it."""

    text: str
    voice: Voice


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Pacing:
    """How lines are spread over `seconds`: pauses drawn from `gap_s`, and a stretch in which nothing is said."""

    seconds: float
    gap_s: tuple[float, float] = (0.6, 1.5)
    silent: tuple[float, float] | None = None

    def start_of(self, earliest_s: float, length_s: float) -> float:
        """When a line of this length may begin: at once, or behind the silent stretch where it would run into it."""
        if self.silent is None:
            return earliest_s
        begin_s, end_s = self.silent
        if earliest_s + length_s + _EDGE_S <= begin_s:
            return earliest_s
        return max(earliest_s, end_s + _EDGE_S)


def write_wav(path: Path, samples: Samples) -> None:
    """Writes samples from -1 to 1 as a 16 kHz, 16 bit mono wav file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())


def speech_span(samples: Samples) -> tuple[int, int]:
    """First and last-but-one sample of the sound, to 10 ms, judged by level. Raises ValueError where there is none."""
    windows = samples[: len(samples) // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
    levels = np.sqrt(np.square(windows).mean(axis=1))
    if not levels.size or levels.max() <= 0:
        raise ValueError(f"no sound in {len(samples)} samples")
    loud = np.flatnonzero(levels >= _SILENT_SHARE * levels.max())
    return int(loud[0]) * _WINDOW, (int(loud[-1]) + 1) * _WINDOW


def speak(line: Line) -> Samples:
    """The line at an even loudness, without the synthesiser's silence before and behind."""
    samples = say(line.text, line.voice)
    first, end = speech_span(samples)
    margins = (max(0, _MARGIN - first), max(0, end + _MARGIN - len(samples)))
    cut = samples[max(0, first - _MARGIN) : end + _MARGIN]
    loudest = float(np.abs(cut).max())
    return np.pad(cut, margins) * np.float32(_PEAK / loudest)


def narrate(lines: Iterable[Line], pacing: Pacing, rng: random.Random) -> tuple[Samples, tuple[SpokenSentence, ...]]:
    """Speaks lines until they or the time run out; the sound (16 kHz, `pacing.seconds` long) and its truth."""
    track = np.zeros(round(pacing.seconds * SAMPLE_RATE_HZ), np.float32)
    spoken: list[SpokenSentence] = []
    earliest_s = rng.uniform(_EDGE_S, 2 * _EDGE_S)
    for line in lines:
        sound = speak(line)
        length_s = (len(sound) - 2 * _MARGIN) / SAMPLE_RATE_HZ
        start_s = round(pacing.start_of(earliest_s, length_s), 3)
        end_s = round(start_s + length_s, 3)
        if end_s + _EDGE_S > pacing.seconds:
            break
        offset = round(start_s * SAMPLE_RATE_HZ) - _MARGIN
        track[offset : offset + len(sound)] += sound
        spoken.append(SpokenSentence(start_s, end_s, line.text, str(line.voice)))
        earliest_s = end_s + rng.uniform(*pacing.gap_s)
    return track, tuple(spoken)
