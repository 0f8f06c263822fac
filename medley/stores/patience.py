"""Work on a store that may be started again in the middle of it: that costs waiting, and nothing else."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from medley.errors import StoreUnavailable
from medley.run import StoreAddress
from medley.stores.base import VectorStore
from medley.stores.connect import open_store
from medley.system.loading import STORE, waiting_for
from medley.system.stop import raise_if_stopped

R = TypeVar("R")

#: How long a store may be away for a run.
AWAY_S = 90.0
_AGAIN_S = 1.0
_REFUSALS = 5  # by a store that answers: one that has just been started knows its collections a little later


def with_store(address: StoreAddress, work: Callable[[VectorStore], R], away_s: float = AWAY_S) -> R:
    """Returns the result of `work` with a connection to the store, begun anew after each failure.

    Doing `work` twice must be the same as doing `work` once.
    Raises StoreUnavailable where the store stays away for `away_s`, or refuses five times; Cancelled.
    """
    refusals, deadline = 0, time.monotonic() + away_s
    while True:
        raise_if_stopped()
        answered = False
        try:
            with waiting_for(STORE):
                store = open_store(address)
            answered = True
            try:
                return work(store)
            finally:
                store.close()
        except StoreUnavailable as error:
            refusals += answered
            deadline = time.monotonic() + away_s if answered else deadline
            if refusals >= _REFUSALS or time.monotonic() > deadline:
                raise
            logging.getLogger("medley").warning("waiting for the store: %s", error.reason)
            _wait()


def _wait() -> None:
    until = time.monotonic() + _AGAIN_S
    while time.monotonic() < until:
        raise_if_stopped()
        time.sleep(0.1)
