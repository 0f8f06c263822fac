"""How much a run may cost: when that is used up, no further file is begun."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field

from medley.errors import SetupError

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_BYTES = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")


@dataclass(slots=True)
class Budget:
    """Seconds since the budget was made, bytes of the files that are begun, tokens of models behind servers.

    None: as much as it takes.
    """

    seconds: float | None = None
    bytes: float | None = None
    tokens: float | None = None
    _began: float = field(default_factory=time.monotonic)
    _taken: int = 0
    _foreseen: float = 0.0
    _spent: int = 0
    _closed: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size_bytes: int, tokens: float = 0.0) -> bool:
        """Counts a file that is about to begin; False where there is no room for it, and so for none after it.

        `tokens`: that it will probably take. The first file always begins: a run with a budget comes on.
        """
        with self._turn:
            begun = self._taken > 0
            too_large = self.bytes is not None and self._taken + size_bytes > self.bytes
            too_many = self.tokens is not None and self._foreseen + tokens > self.tokens
            self._closed = self._closed or (begun and (too_large or too_many)) or self._is_late()
            if not self._closed:
                self._taken += max(1, size_bytes)
                self._foreseen += tokens
            return not self._closed

    def spend(self, tokens: int) -> None:
        """Counts tokens that were used, whatever was foreseen."""
        with self._turn:
            self._spent += tokens
            self._closed = self._closed or (self.tokens is not None and self._spent >= self.tokens)

    @property
    def used_up(self) -> bool:
        """Whether no further file may begin."""
        return self._closed or self._is_late()

    def _is_late(self) -> bool:
        return self.seconds is not None and self._taken > 0 and time.monotonic() - self._began > self.seconds


def budget_of(text: str) -> Budget:
    """Reads "10m", "2GB", "100000tokens" or "1.5h,500MB". Raises SetupError."""
    made = Budget()
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _PART.fullmatch(part)
        if found and found[2].lower() in _SECONDS:
            made.seconds = float(found[1]) * _SECONDS[found[2].lower()]
        elif found and found[2].upper() in _BYTES:
            made.bytes = float(found[1]) * _BYTES[found[2].upper()]
        elif found and found[2].lower() == "tokens":
            made.tokens = float(found[1])
        else:
            remedy = "Give time, size of files, or tokens: 90s, 10m, 2h, 500MB, 2GB, 100000tokens, 10m,2GB"
            raise SetupError(f"{part} is no budget", remedy=remedy)
    return made
