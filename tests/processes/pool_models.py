"""Models that only pretend, for tests and benchmarks of pools: some of them misbehave."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

from ray.cloudpickle import dumps

from actors.host import Host
from actors.spec import PoolSpec


class Pretend(Host):
    """Takes `batch_s` for a batch of up to `batch` items, as a GPU would."""

    def __init__(self, batch_s: float = 0.0, batch: int = 64, load_s: float = 0.0) -> None:
        self._batch_s, self._batch = batch_s, batch
        time.sleep(load_s)

    def facts(self) -> dict[str, Any]:
        """Returns what a pool wants to know."""
        return {"divisible": ("double",), "batch": self._batch}

    def double(self, items: Sequence[int]) -> list[int]:
        """Doubles each item."""
        time.sleep(self._batch_s)
        return [2 * item for item in items]

    def pid(self) -> int:
        """Tells the process."""
        return os.getpid()

    def sleep(self, seconds: float) -> None:
        """Sleeps."""
        time.sleep(seconds)


class Leaky(Pretend):
    """Keeps 10 MB of each batch."""

    _kept: bytes = b""

    def double(self, items: Sequence[int]) -> list[int]:
        """Doubles each item."""
        self._kept += os.urandom(1 << 20) * 10
        return super().double(items)


class Narrow(Pretend):
    """Runs out of memory above a batch of three."""

    def double(self, items: Sequence[int]) -> list[int]:
        """Doubles each item."""
        if len(items) > 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().double(items)


class Mortal(Pretend):
    """Dies of the item 13, and hangs at 17."""

    def double(self, items: Sequence[int]) -> list[int]:
        """Doubles each item."""
        if 13 in items:
            os._exit(1)
        if 17 in items:
            time.sleep(600)
        return super().double(items)


def pretended(kind: type[Pretend], name: str, *args: Any, **facts: Any) -> PoolSpec:
    """Specifies a pool of a model that pretends."""
    return PoolSpec(name, f"model {name}", makes=dumps((kind, args)), **facts)
