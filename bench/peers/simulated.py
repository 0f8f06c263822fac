"""Stages that only simulate work, for `bench/overlap.py`: CPUs that burn, models that sleep as if a GPU were at it."""

from __future__ import annotations

import hashlib
import time
from typing import Any

DECODE_S = 0.05  #: of each branch
SPEECH_S, CLIP_S, TEXT_S = 0.4, 0.2, 0.03
_BLOCK = bytes(1 << 18)


def burn(seconds: float) -> None:
    """Uses a CPU for so long, without Python's lock, as decoders do."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        hashlib.sha256(_BLOCK).digest()


def decode(item: Any) -> Any:
    """The first stage of each branch."""
    burn(DECODE_S)
    return item


def text(item: Any) -> Any:
    """The last stage of the branch of speech."""
    burn(TEXT_S)
    return item


class Model:
    """One GPU: whoever holds it asks for one thing at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def work(self, item: Any) -> Any:
        """As long as the model takes."""
        time.sleep(self._seconds)
        return item


def least_s(items: int, cpus: int) -> float:
    """What no orchestration can be faster than: the CPUs' work, the busiest model's, one item's own chain."""
    cpu = items * (2 * DECODE_S + TEXT_S) / cpus
    return max(cpu, items * SPEECH_S, DECODE_S + SPEECH_S + TEXT_S)
