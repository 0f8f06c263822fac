"""Where one shot becomes the next: hard cuts, fades through black or white, cross-fades; told from tiny pictures.

Lights of other cameras, things that pass close by, and pans are none of these. Known detectors were tried on the films
of tests/world/montage.py, which have all of them: PySceneDetect and TransNetV2 find hard cuts as well, and at most one
of fades and cross-fades, with four times as many false alarms (docs/decisions/0027).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Width and height of the pictures, and how many there are in a second.
SIZE, RATE_FPS = (48, 27), 25
Floats = NDArray[np.float32]

_AROUND = 8  # frames before and after a cut that it is compared with
_LEAST_STEP = 5.0  # mean difference of levels: less is no cut
_ABOVE_MOTION, _ABOVE_NEXT = 2.0, 1.8  # times the third largest step nearby, and the steps beside it
_LASTING = 0.6  # of a cut's difference, between anything before it and anything after it: a flash goes back
_FADE = 20  # frames within which a fade becomes dark or bright
_DIMMED = 0.35  # of the brightness before and after, at most
_DARK, _WHITE = 128, 50  # levels from black or white that all but the brightest or darkest parts have, at most
_FADING = 0.7  # of the brightness before or after, which the frame beside the darkest has at most
_SAME_SCENE = 0.3  # of the way to black, by which a scene that comes back has changed
_APART = 14  # frames between two changes
_HALVES = (5, 8, 12, 17)  # half lengths of cross-fades that are tried, in frames
_LEAST_WAY = 8.0  # mean difference of levels between both ends of a cross-fade
_MOST_UNLIKE = 0.6  # how far the frames of a cross-fade are from mixtures of both ends
_FASTER, _FASTER_IF_UNLIKE = 1.1, 1.5  # than before and after it, the more so the less its frames are mixtures
_FEWEST = 3  # frames that may be the middle of a cross-fade


def changes(frames: NDArray[np.uint8]) -> list[int]:
    """Finds the frames at which another shot begins, ascending; the middle of what is no hard cut.

    `frames`: shape (n, 27, 48, 3), 25 of them a second.
    """
    if len(frames) < 2:
        return []
    cells = np.asarray(frames, np.float32)
    small = cells.reshape(len(cells), 9, 3, 16, 3, 3).mean((2, 4)).reshape(len(cells), -1)
    found = [float(at) for at in _cuts(cells)]
    for faded in (*_fades(small, _DARK), *_fades(255 - small, _WHITE)):
        found = [at for at in found if abs(at - faded) > _AROUND] + [faded]
    for middle, half in _cross_fades(small):
        if all(abs(at - middle) > max(_APART, half) for at in found):
            found.append(middle)
    return sorted({round(at) for at in found})


def _cuts(cells: Floats) -> list[int]:
    steps = np.r_[np.float32(0), np.abs(np.diff(cells, axis=0)).mean((1, 2, 3)), np.float32(0)]
    large = np.flatnonzero(steps >= _LEAST_STEP).tolist()
    return [at for at in large if _sudden(steps, at) and _lasts(cells, steps, at)]


def _sudden(steps: Floats, at: int) -> bool:
    around = np.sort(np.r_[steps[max(1, at - _AROUND) : at], steps[at + 1 : at + 1 + _AROUND]])
    motion = around[-3] if len(around) > 2 else 0.0
    beside = max(steps[at - 1], steps[at + 1])
    return bool(steps[at] >= _ABOVE_MOTION * motion + 1 and steps[at] >= _ABOVE_NEXT * beside)


def _lasts(cells: Floats, steps: Floats, at: int) -> bool:
    after = np.abs(cells[at : at + _AROUND + 1] - cells[at - 1]).mean((1, 2, 3)).min()
    before = np.abs(cells[max(0, at - _AROUND - 1) : at] - cells[at]).mean((1, 2, 3)).min()
    return bool(min(after, before) >= _LASTING * steps[at])


def _fades(small: Floats, most: int) -> list[float]:
    """The middles of what is dark between two scenes."""
    light = np.percentile(small, 95, axis=1)
    found: list[float] = []
    last = 0
    for at in range(1, len(light) - 1):
        begin, end = max(0, at - _FADE), at + _FADE + 1
        if at <= last or light[at] > min(most, light[begin:end].min()):
            continue
        before, after = begin + int(light[begin:at].argmax()), at + 1 + int(light[at + 1 : end].argmax())
        if light[at] > _DIMMED * min(light[before], light[after]) or _comes_back(small, before, at, after):
            continue
        last = at
        while last + 1 < len(light) and light[last + 1] <= light[at] + 2:
            last += 1
        if _fading(light, before, at - 1) and _fading(light, after, last + 1):
            found.append((at + last + 1) / 2)
    return found


def _fading(light: Floats, scene: int, beside: int) -> bool:
    """Not at once, as cuts and flashes are."""
    return beside == len(light) or bool(light[beside] <= _FADING * light[scene])


def _comes_back(small: Floats, before: int, at: int, after: int) -> bool:
    there_and_back = np.abs(small[before] - small[after]).mean()
    return bool(there_and_back < _SAME_SCENE * np.abs(small[before] - small[at]).mean())


def _cross_fades(small: Floats) -> list[tuple[float, int]]:
    """The middles of cross-fades, with half their lengths: frames that are mixtures of one before and one after."""
    likely = np.stack([_likely(small, half) for half in _HALVES])
    best = likely.max(axis=0)
    places = np.flatnonzero(best)
    found: list[tuple[float, int]] = []
    for group in np.split(places, np.flatnonzero(np.diff(places) > 4) + 1):
        if len(group) >= _FEWEST:
            half = _HALVES[int(likely[:, group].max(axis=1).argmax())]
            found.append((float(np.average(group, weights=best[group])), half))
    return found


def _likely(small: Floats, half: int) -> Floats:
    """How sure each frame is the middle of a cross-fade of that length; 0 where it is not."""
    sure, count = np.zeros(len(small), np.float32), len(small) - 2 * half
    if count <= 0:
        return sure
    way = _apart(small, 0, 2 * half, count)
    unlike = _unlike(small, half, way)
    at = np.arange(half, half + count)
    before = np.abs(small[at - half] - small[np.maximum(at - 3 * half, 0)]).mean(axis=1)
    after = np.abs(small[np.minimum(at + 3 * half, len(small) - 1)] - small[at + half]).mean(axis=1)
    faster = way / ((before + after) / 2 + 1)
    fits = (way >= _LEAST_WAY) & (unlike <= _MOST_UNLIKE) & (faster >= _FASTER + _FASTER_IF_UNLIKE * unlike)
    sure[at] = np.where(fits, way * (_MOST_UNLIKE + 0.05 - unlike) * half, 0)
    return sure


def _unlike(small: Floats, half: int, way: Floats) -> Floats:
    """How far the frames at a quarter, half and three quarters of the way are from mixtures of both ends."""
    count = len(way)
    begin, end = small[:count], small[2 * half : 2 * half + count]
    worst = np.zeros(count, np.float32)
    for quarter in (1, 2, 3):
        offset = round(2 * half * quarter / 4)
        share = offset / (2 * half)
        far = np.abs(small[offset : offset + count] - (1 - share) * begin - share * end).mean(axis=1)
        worst = np.maximum(worst, far / np.maximum(way, 1e-3) / min(share, 1 - share))
    return worst / 1.6


def _apart(small: Floats, first: int, second: int, count: int) -> Floats:
    return np.asarray(np.abs(small[second : second + count] - small[first : first + count]).mean(axis=1))


def held(times: Sequence[float], begin_s: float, end_s: float) -> NDArray[np.intp]:
    """Tells which of the pictures that begin at `times` is shown at each of 25 moments of a second."""
    grid = np.arange(begin_s, end_s, 1 / RATE_FPS) + 1e-4
    return np.maximum(np.searchsorted(np.asarray(times), grid, side="right") - 1, 0)
