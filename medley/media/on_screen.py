"""What is written on the frames of a video: which frames have to be read, and from when until when each line stands."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from medley.media.layout import Box, Line, reading_order
from medley.media.lettering import Cells, Lettering

_FILE = "screens.json"
_FEW_CELLS = 6  # a digit or two of a clock
_PATIENCE_S = 10.0  # for what is that small, and for what had no letters when it was read
_SAME_PLACE = 0.6
_ALIKE, _LONG = 0.9, 12  # letters of a line that OCR may read a little differently the next time
_STOOD_S = 2.0  # what is that small, and is no clock
_TOGETHER_S = 1.5
_LITTLE = 0.1  # of the cells of a line

#: Reads the lines on a JPEG, with boxes in its pixels.
Read = Callable[[Path], list[Line]]


@dataclass(frozen=True, slots=True)
class Screen:
    """Lines that came and went together: from when until when, in seconds, and on which JPEG they were read first.

    `lines` are in reading order, their boxes in pixels of that JPEG. `track`: of pictures, as in `medley.tracks.marks`.
    """

    start_s: float
    end_s: float
    image: str
    lines: tuple[Line, ...]
    track: int = 0

    @property
    def text(self) -> str:
        """All words, a line for each line."""
        return "\n".join(line.text for line in self.lines)


@dataclass(slots=True)
class _Standing:
    """A line that is still to be seen: where it was read first, and where last."""

    first: Line
    line: Line
    start_s: float
    image: str
    readings: Counter[str] = field(default_factory=Counter)

    def read_as(self, line: Line) -> None:
        self.readings[line.text] += 1
        self.line = line


class ScreenReader:
    """Looks at the frames of a video in their order, and reads those whose letters have changed."""

    def __init__(self, read: Read, *, every: bool = False) -> None:
        """Prepares for the first frame. `every`: each frame is read, wherever letters seem to be."""
        self._read, self._every = read, every
        self._seen: Lettering | None = None  #: the frame that was read last
        self._read_s = 0.0
        self._silent: Cells | None = None  #: looked like letters when it was read, and was none
        self._waiting: tuple[Lettering, Path, float] | None = None  #: changed a little; its time in seconds
        self._faded_s: float | None = None  #: when the frame that comes next has faded in by half
        self._standing: list[_Standing] = []
        self._gone: list[tuple[_Standing, float]] = []
        self.frames_read = 0

    def look(self, frames: Iterable[tuple[Path, float, bool]]) -> None:
        """Takes the frames in their order: JPEG, time in seconds, and whether a shot begins there."""
        seen = ((Lettering(path), path, time_s, cut) for path, time_s, cut in frames)
        for this, following in pairwise(chain(seen, [None])):
            assert this is not None, "only the last one has none after it"
            now, path, time_s, cut = this
            if self._fades(now, following[0] if following else None, time_s):
                continue
            self._take_what_stood(now, time_s)
            self._forget_silence(now, time_s, cut=cut)
            self._consider(now, path, time_s)
            self._faded_s = None

    def _fades(self, now: Lettering, following: Lettering | None, time_s: float) -> bool:
        """Whether this frame is one of a cross-fade, which nobody can read; half of the way the next one begins."""
        if self._every or self._seen is None or following is None:
            return False
        share = now.share_between(self._seen, following)
        if share >= 0.5 and self._faded_s is None:
            self._faded_s = time_s
        return share > 0

    def _forget_silence(self, now: Lettering, time_s: float, *, cut: bool) -> None:
        same_size = self._silent is not None and self._silent.shape == now.cells.shape
        if cut or not same_size or time_s - self._read_s >= _PATIENCE_S:
            self._silent = np.zeros_like(now.cells)

    def screens(self, end_s: float) -> list[Screen]:
        """Returns what was written, by time; `end_s` is the end of the pictures."""
        self._take_what_stood(None, end_s)
        self._end(self._standing, end_s)
        self._standing = []
        screens: list[list[tuple[_Standing, float]]] = []
        for line in sorted(self._gone, key=lambda gone: gone[0].start_s):
            home = next((lines for lines in reversed(screens) if _together(lines[0], line)), None)
            screens.append([line]) if home is None else home.append(line)
        return sorted((_screen(lines) for lines in screens), key=lambda screen: (screen.start_s, screen.end_s))

    def _consider(self, now: Lettering, path: Path, time_s: float) -> None:
        """Reads a frame at once, or keeps it until it is known whether a small change stands."""
        changed = self._changed(now, self._seen)
        if changed > _FEW_CELLS or (changed and (self._seen is None or time_s - self._read_s >= _PATIENCE_S)):
            self._take(now, path, time_s)
            self._waiting = None
        elif changed and self._waiting is None:
            self._waiting = now, path, time_s

    def _take_what_stood(self, now: Lettering | None, time_s: float) -> None:
        """Reads the frame that is kept, if it stood long enough until `now` (None: the end)."""
        if self._waiting is None or (now is not None and not self._changed(now, self._waiting[0])):
            return
        if time_s - self._waiting[2] >= _STOOD_S:
            self._take(*self._waiting)
        self._waiting = None

    def _changed(self, now: Lettering, before: Lettering | None) -> int:
        """How many cells with letters are others than before."""
        if self._every or before is None:
            return now.cells.size if self._every else int(now.cells.sum())
        lines = now.within(standing.line.box for standing in self._standing)
        return int((((now.cells & ~self._silenced(now)) | lines) & now.differs(before)).sum())

    def _silenced(self, now: Lettering) -> Cells:
        return self._silent if self._silent is not None else np.zeros_like(now.cells)

    def _take(self, now: Lettering, path: Path, time_s: float) -> None:
        lines = self._lines(now, path)
        from_s = time_s if self._faded_s is None else self._faded_s
        before, self._standing = self._standing, []
        for line in lines:
            known = self._known(line, before, now)
            if known is None:
                known = _Standing(line, line, from_s, path.name)
            else:
                before.remove(known)
            known.read_as(line)
            self._standing.append(known)
        self._end(before, from_s)
        silent = now.cells & ~now.within(line.box for line in lines)
        self._silent = self._silenced(now) | silent
        self._seen, self._read_s = now, time_s

    def _lines(self, now: Lettering, path: Path) -> list[Line]:
        """None is read where no letters can be: the lines of before are gone."""
        if not self._every and not now.cells.any():
            return []
        self.frames_read += 1
        return self._read(path)

    def _known(self, line: Line, before: Iterable[_Standing], now: Lettering) -> _Standing | None:
        """The same line as it stood before: with the same words anywhere, or in its place with the same pixels."""
        same = [known for known in before if _words(known.line.text) == _words(line.text)]
        if same:
            return max(same, key=lambda known: _overlap(known.line.box, line.box))
        there = (known for known in before if _overlap(known.line.box, line.box) >= _SAME_PLACE)
        return next((known for known in there if self._is_same(line, known.line, now)), None)

    def _is_same(self, line: Line, known: Line, now: Lettering) -> bool:
        """Whether two readings in one place are of the same line: none of its pixels has changed, or little has."""
        if self._seen is None or self._seen.cells.shape != now.cells.shape:
            return False
        changed = float(now.differs(self._seen)[now.within([line.box])].mean())
        if not changed:
            return True
        return _same_numbers(line.text, known.text) and (changed <= _LITTLE or _alike(line.text, known.text))

    def _end(self, lines: Sequence[_Standing], at_s: float) -> None:
        self._gone += [(line, at_s) for line in lines]


def _together(one: tuple[_Standing, float], other: tuple[_Standing, float]) -> bool:
    """Whether two lines came and went together, as fine as frames are dense."""
    (first, first_end), (second, second_end) = one, other
    if max(abs(first.start_s - second.start_s), abs(first_end - second_end)) > _TOGETHER_S:
        return False
    shared = min(first_end, second_end) - max(first.start_s, second.start_s)
    return shared >= 0.5 * (max(first_end, second_end) - min(first.start_s, second.start_s))


def _screen(lines: Sequence[tuple[_Standing, float]]) -> Screen:
    shown = [Line(standing.readings.most_common(1)[0][0], standing.first.box) for standing, _ in lines]
    ordered = tuple(line for block in reading_order(shown) for line in block.lines)
    first = lines[0][0]
    return Screen(first.start_s, max(end_s for _, end_s in lines), first.image, ordered)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _same_numbers(one: str, other: str) -> bool:
    return re.findall(r"\d+", one) == re.findall(r"\d+", other)


def _alike(one: str, other: str) -> bool:
    """Whether nearly all letters of two readings are the same."""
    return min(len(one), len(other)) >= _LONG and SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE


def _overlap(one: Box, other: Box) -> float:
    """Shared area over the area of both, 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (_area(one) + _area(other) - both)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def save_screens(directory: Path, screens: Sequence[Screen]) -> None:
    """Writes `screens.json` into `directory`."""
    (directory / _FILE).write_text(json.dumps([asdict(screen) for screen in screens], ensure_ascii=False))


def read_screens(directory: Path) -> list[Screen]:
    """Reads the screens that `save_screens` wrote."""
    return [
        Screen(**{**one, "lines": tuple(_line(line) for line in one["lines"])})
        for one in json.loads((directory / _FILE).read_text())
    ]


def _line(known: dict[str, Any]) -> Line:
    return Line(known["text"], tuple(known["box"]))
