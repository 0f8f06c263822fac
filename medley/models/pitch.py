"""How high a voice is, by autocorrelation (Boersma 1993, without its interpolation)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medley.models.base import Vectors

_LOWEST_HZ, _HIGHEST_HZ, _ORIGIN_HZ = 60, 400, 100
_FRAME, _STEP = 1024, 320
_VOICED = 0.5  # correlation with itself, one period later
_FIRST_OF = 0.9  # the first peak nearly as high as the highest: the others are its multiples
_FEWEST = 5  # frames


def pitch_semitones(samples: Vectors, rate_hz: int) -> float:
    """Measures the median pitch in semitones above 100 Hz; 0.0 where nothing is voiced. `samples`: shape (n,)."""
    if len(samples) < _FRAME:
        return 0.0
    window = np.hanning(_FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_STEP] * window
    alike = _with_itself(frames) / (_with_itself(window[np.newaxis]) + 1e-9)
    periods = np.arange(rate_hz // _HIGHEST_HZ, rate_hz // _LOWEST_HZ)
    peaks = alike[:, periods]
    best = peaks.max(axis=1)
    top = np.pad(peaks, ((0, 0), (1, 1)), constant_values=-1.0)
    highest_here = (peaks >= top[:, :-2]) & (peaks >= top[:, 2:])
    first = (highest_here & (peaks >= _FIRST_OF * best[:, None])).argmax(axis=1)
    voiced = best > _VOICED
    if voiced.sum() < _FEWEST:
        return 0.0
    return float(np.median(12 * np.log2(rate_hz / periods[first[voiced]] / _ORIGIN_HZ)))


def _with_itself(frames: NDArray[np.floating]) -> NDArray[np.floating]:
    """Autocorrelation, 1 at no delay; shape as `frames`."""
    spectrum = np.abs(np.fft.rfft(frames, 2 * _FRAME, axis=1)) ** 2
    found = np.fft.irfft(spectrum, axis=1)[:, :_FRAME]
    return np.asarray(found / np.maximum(found[:, :1], 1e-9))
