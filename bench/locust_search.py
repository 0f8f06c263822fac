"""What locust asks the service: sentences of the demo world, each user one in four seconds."""

from __future__ import annotations

import os
import random

from locust import HttpUser, constant_pacing, task

from tests.world.sentences import make_sentence

_RNG = random.Random(11)


class Searcher(HttpUser):
    """Somebody who searches."""

    wait_time = constant_pacing(4)

    @task
    def search(self) -> None:
        """Asks for ten hits."""
        headers = {"Authorization": f"Bearer {os.environ['MEDLEY_BENCH_SECRET']}"}
        self.client.post("/api/search", json={"query": make_sentence(_RNG), "limit": 10}, headers=headers)
