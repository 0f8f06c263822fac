"""Which share of a GPU a model needs: a guess until one process of it has worked, then what that one has needed."""

from __future__ import annotations

import math

_MARGIN = 1.2  # over the most that was measured: batches differ
_LEAST = 0.01  # Ray counts in shares of 0.0001; fewer than a hundred processes share a GPU


def measured_share(peak_mb: float, total_mb: float, reserve_mb: float) -> float | None:
    """Returns the share of a GPU of `total_mb`, of which `reserve_mb` are for others, for a model that took `peak_mb`.

    None where nothing was measured.
    """
    room_mb = total_mb - reserve_mb
    if peak_mb <= 0 or room_mb <= 0:
        return None
    return min(1.0, max(_LEAST, math.ceil(peak_mb * _MARGIN / room_mb * 100) / 100))
