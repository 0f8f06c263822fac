"""What locust asks the service: sentences of the demo world, each user one in four seconds."""

from __future__ import annotations

import os
import random
import time

from locust import HttpUser, task

from tests.world.sentences import make_sentence

_RNG = random.Random(11)
_PACE_S = 4.0


class Searcher(HttpUser):
    """Somebody who searches once in four seconds, however long the answer takes."""

    _due = 0.0

    def on_start(self) -> None:
        """Begins at a time of its own: locust's constant_pacing makes a burst of all users each four seconds."""
        self._due = time.time() + _RNG.random() * _PACE_S
        time.sleep(self._due - time.time())

    def wait_time(self) -> float:
        """Returns the seconds until the next question."""
        self._due += _PACE_S
        return max(0.0, self._due - time.time())

    @task
    def search(self) -> None:
        """Asks for ten hits."""
        headers = {"Authorization": f"Bearer {os.environ['MEDLEY_BENCH_SECRET']}"}
        self.client.post("/api/search", json={"query": make_sentence(_RNG), "limit": 10}, headers=headers)
