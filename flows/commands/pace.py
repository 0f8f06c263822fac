"""How many items of all have ended, how fast that goes, and how long the rest may take."""

from __future__ import annotations

from collections import deque

from medley.system.machine import cpus

_WINDOW_S = 120.0  # the rate is that of the last two minutes
_AT_LEAST = 3  # items that something was done with, before their rate says anything


class Pace:
    """Counts items; times are seconds of one monotonic clock."""

    def __init__(self, total: int | None = None) -> None:
        self.total = total
        self._usual_s: float | None = None
        self._began: float | None = None
        self._ended = self._attached = 0
        self._worked: deque[float] = deque()

    @property
    def _all(self) -> int | None:
        return self.total + self._attached if self.total else None

    def begin(self, now: float, usual_s: float | None = None) -> None:
        """Services are there, work begins. `usual_s`: what the stages of an item took in earlier runs."""
        self._began, self._usual_s = now, usual_s

    def ended(self, now: float, *, worked: bool, attached: int = 0) -> None:
        """Counts an item that has ended; `worked` says whether some stage of the item has run.

        `attached`: items that are attached to it, and come after all others.
        """
        self._ended += 1
        self._attached += attached
        if worked:
            self._began = now if self._began is None else self._began
            self._worked.append(now)

    def line(self, now: float) -> str:
        """Returns the pace as one line, such as: 37 of 200 · 18 % · 4.1 a minute · about 40 min left."""
        parts = [f"{self._ended} of {self._all}" if self._all else f"{self._ended} done"]
        if self._all:
            parts.append(f"{100 * self._ended // self._all} %")
        rate = self._rate(now)
        if rate:
            parts.append(_rate(rate))
        left_s = self._left_s(rate)
        if left_s:
            parts.append(f"about {duration(left_s)} left")
        return " · ".join(parts)

    def _rate(self, now: float) -> float | None:
        """Items a second."""
        while self._worked and now - self._worked[0] > _WINDOW_S:
            self._worked.popleft()
        if self._began is None or len(self._worked) < _AT_LEAST:
            return None
        return len(self._worked) / max(1.0, min(now - self._began, _WINDOW_S))

    def _left_s(self, rate: float | None) -> float | None:
        if not self._all or self._began is None:
            return None
        each_s = 1 / rate if rate else self._usual_s and self._usual_s / cpus()
        return each_s * (self._all - self._ended) if each_s else None


def _rate(a_second: float) -> str:
    for seconds, name in ((1, "second"), (60, "minute")):
        if a_second * seconds >= 1:
            return f"{a_second * seconds:.1f} a {name}"
    return f"{a_second * 3600:.1f} an hour"


def duration(seconds: float) -> str:
    """Formats a length of time for people: 40 s, 3 min, 2 h."""
    for unit_s, name, most in ((1, "s", 90), (60, "min", 90), (3600, "h", 48)):
        if seconds < most * unit_s:
            return f"{max(1, round(seconds / unit_s))} {name}"
    return f"{round(seconds / 86400)} days"
