"""Wakes coroutines that wait for a change: cheaper than a condition, which needs a lock and a task for each of them."""

from __future__ import annotations

import asyncio


class Signal:
    """Whoever waits looks again after each `tell`."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def tell(self) -> None:
        """Wakes all that wait."""
        for future in self._waiting:
            _wake(future)
        self._waiting.clear()

    async def wait(self, timeout_s: float | None = None) -> None:
        """Waits until the next `tell`, or as long as `timeout_s`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.add(future)
        ending = loop.call_later(timeout_s, _wake, future) if timeout_s is not None else None
        try:
            await future
        finally:
            self._waiting.discard(future)
            if ending:
                ending.cancel()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
