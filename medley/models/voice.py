"""Voices: the speaker encoder of Resemblyzer (Resemble AI, Apache-2.0; Wan et al., arXiv:1710.10467), without torch.

Three LSTM layers of 256 and a projection; the weights are those of Resemblyzer 0.1.4 in half precision, shipped here.
Where somebody speaks is told by Silero's detector (MIT), which faster-whisper carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from safetensors.numpy import load_file
from threadpoolctl import threadpool_limits

from medley.models.base import ModelSpec, Vectors, unit
from medley.models.pitch import pitch_semitones

#: Of what somebody says without a pause: from and until when, in seconds, and a vector of the voice, shape (258,).
Utterance = tuple[float, float, Vectors]
VOICES = ModelSpec("voice", "voice", "resemblyzer/0.1.4", "pitch-1", "float16")

SAMPLE_RATE_HZ = 16_000
_PAUSE_MS, _AROUND_MS = 100, 30
_LONGEST_S = 3.0  # longer ones are divided: somebody else may have begun without a pause
_STEP = 6400  # samples between two windows
_PITCH_SHARE = 0.2  # of the vector; the network hears little of it, and people a lot
_HALF_CIRCLE = 12.0  # semitones
_FFT, _HOP, _BANDS = 400, 160, 40
WINDOW_FRAMES = 160  #: 1.6 s, for which the network was trained
_LAYERS, _SIZE, _BATCH = 3, 256, 64
_LOUDNESS_DBFS = -30.0
_WEIGHTS = Path(__file__).parent / "voices" / "resemblyzer.safetensors"


class VoiceEncoder:
    """Turns windows of sound into unit vectors: near each other where the same person speaks."""

    facts: ClassVar[dict[str, Any]] = {}  #: see `actors.replica.Facts`
    dim = _SIZE + 2

    def __init__(self, weights: Path, threads: int) -> None:
        self._weights = {name: array.astype(np.float32) for name, array in load_file(weights).items()}
        self._filters, self._threads = _mel_filters(), threads

    def find_voices(self, samples: Vectors) -> list[Utterance]:
        """Finds who speaks when: vectors of one person are near each other.

        `samples`: mono, 16 kHz, shape (n,), -1..1 or 16-bit integers.
        """
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        if samples.dtype == np.int16:
            samples = samples.astype(np.float32) / np.float32(32768)
        how = VadOptions(min_silence_duration_ms=_PAUSE_MS, speech_pad_ms=_AROUND_MS, min_speech_duration_ms=_PAUSE_MS)
        parts: list[tuple[int, int]] = []
        for spoken in get_speech_timestamps(samples, how):
            begin, length = spoken["start"], spoken["end"] - spoken["start"]
            count = max(1, round(length / SAMPLE_RATE_HZ / _LONGEST_S))
            parts += [(begin + length * n // count, begin + length * (n + 1) // count) for n in range(count)]
        return [(a / SAMPLE_RATE_HZ, b / SAMPLE_RATE_HZ, self._voice(samples[a:b])) for a, b in parts]

    def _voice(self, samples: Vectors) -> Vectors:
        window = WINDOW_FRAMES * _HOP
        repeated = np.tile(samples, -(-window // len(samples))) if len(samples) < window else samples
        heard = self.encode_windows(repeated, range(0, max(1, len(repeated) - window + 1), _STEP)).mean(axis=0)
        angle = np.pi * np.clip(pitch_semitones(samples, SAMPLE_RATE_HZ) / _HALF_CIRCLE, -0.75, 0.75)
        height = np.array([np.cos(angle), np.sin(angle)], np.float32)
        joined = np.r_[np.sqrt(1 - _PITCH_SHARE) * unit(heard[None])[0], np.sqrt(_PITCH_SHARE) * height]
        return np.asarray(joined, np.float32)

    def encode_windows(self, samples: Vectors, starts: Sequence[int]) -> Vectors:
        """Encodes windows of 1.6 s, shape (len(starts), 256).

        `samples`: mono, 16 kHz, shape (n,), -1..1; `starts`: the windows' first samples. Silence follows the end.
        """
        if not len(starts):
            return np.empty((0, _SIZE), np.float32)
        with threadpool_limits(self._threads):
            bands = self._bands(_louder(samples))
            first = np.asarray(starts) // _HOP
            padded = np.pad(bands, ((0, WINDOW_FRAMES), (0, 0)))
            windows = np.stack([padded[at : at + WINDOW_FRAMES] for at in np.minimum(first, len(bands))])
            return np.concatenate([self._encoded(windows[at : at + _BATCH]) for at in range(0, len(windows), _BATCH)])

    def _bands(self, samples: Vectors) -> Vectors:
        """The power in 40 bands every 10 ms, as librosa's melspectrogram gives it."""
        padded = np.pad(samples, _FFT // 2)
        frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)
        parts = np.array_split(frames, max(1, len(frames) // 5000))
        power = [np.abs(np.fft.rfft(part * window, axis=1)).astype(np.float32) ** 2 @ self._filters for part in parts]
        return np.concatenate(power)

    def _encoded(self, windows: Vectors) -> Vectors:
        steps = windows.swapaxes(0, 1)
        for layer in range(_LAYERS):
            steps = self._lstm(steps, layer)
        linear = steps[-1] @ self._weights["linear.weight"].T + self._weights["linear.bias"]
        positive = np.maximum(linear, 0)
        return np.asarray(positive / np.maximum(np.linalg.norm(positive, axis=1, keepdims=True), 1e-9))

    def _lstm(self, steps: Vectors, layer: int) -> Vectors:
        into, again = (self._weights[f"lstm.weight_{name}_l{layer}"].T for name in ("ih", "hh"))
        bias = self._weights[f"lstm.bias_ih_l{layer}"] + self._weights[f"lstm.bias_hh_l{layer}"]
        given = steps @ into + bias
        hidden = cell = np.zeros((steps.shape[1], _SIZE), np.float32)
        out = np.empty((len(steps), *hidden.shape), np.float32)
        for at, gates in enumerate(given):
            enters, forgets, new, leaves = np.split(gates + hidden @ again, 4, axis=1)
            cell = _sigmoid(forgets) * cell + _sigmoid(enters) * np.tanh(new)
            hidden = out[at] = _sigmoid(leaves) * np.tanh(cell)
        return out


def _sigmoid(value: Vectors) -> Vectors:
    return np.asarray(0.5 * np.tanh(0.5 * value) + 0.5)


def _louder(samples: Vectors) -> Vectors:
    """At least as loud as the network knows it."""
    mean = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
    change_db = _LOUDNESS_DBFS - 20 * np.log10(mean) if mean else 0.0
    return np.asarray(samples * np.float32(10 ** (max(0.0, change_db) / 20)))


def _mel_filters() -> Vectors:
    """Slaney's triangles of equal area from 0 to 8 kHz, shape (201, 40)."""
    top = 15 + 27 * np.log(SAMPLE_RATE_HZ / 2 / 1000) / np.log(6.4)
    mels = np.linspace(0, top, _BANDS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * np.log(6.4) / 27))
    bins = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE_HZ)
    up = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    area = 2 / (edges[2:] - edges[:-2])
    return np.asarray(np.maximum(0, np.minimum(up, down)) * area, np.float32)


def load(spec: ModelSpec, *, threads: int) -> VoiceEncoder:
    """Loads the weights that ship with Medley; see `medley.models.base.load_model`."""
    return VoiceEncoder(_WEIGHTS, threads)
