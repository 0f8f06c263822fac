"""Many channels as one: what is said on any of them is heard."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

#: Channels this much weaker in energy than the loudest one (40 dB) do not count when the level is set.
_FAINT = 1e-4
#: A sum with less energy than this share of its loudest channel has cancelled itself out.
_CANCELLED = 0.25


class Mixer:
    """Mixes block by block; levels are those of the whole file so far, so that they do not go up and down."""

    def __init__(self) -> None:
        self._energy: NDArray[np.float64] = np.zeros(0)
        self._cancels = False

    def mixed(self, channels: Samples) -> Samples:
        """Mixes `channels` (count, samples), -1..1, to their mean, or to the loudest where the channels cancel out."""
        count = channels.shape[0]
        if count == 1:
            alone: Samples = channels[0]
            return alone
        energies = np.square(channels, dtype=np.float64).sum(axis=1)
        if len(self._energy) != count:
            self._energy = np.zeros(count)
        self._energy += energies
        heard = max(1, int((self._energy > _FAINT * self._energy.max(initial=0.0)).sum()))
        total = channels.sum(axis=0)
        if energies.max() > 0:
            self._cancels = float(np.square(total, dtype=np.float64).sum()) < _CANCELLED * energies.max()
        one: Samples = channels[int(self._energy.argmax())] if self._cancels else total / np.float32(heard)
        return one


def as_channels(samples: NDArray[Any], count: int, planar: bool) -> Samples:
    """Converts a decoder's array to float32 (count, samples), -1..1; integers are scaled by what their type holds."""
    if not planar:
        samples = samples.reshape(-1, count).T
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / np.float32(128)
    if np.issubdtype(samples.dtype, np.integer):
        return samples.astype(np.float32) / np.float32(-float(np.iinfo(samples.dtype).min))
    return samples.astype(np.float32)
