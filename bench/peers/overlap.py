"""The DAG of `bench/overlap.py` as a peer's users write it: `overlap.py KIND WARM N` prints seconds as JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from bench.peers.prefect_server import prefect_server
from bench.peers.simulated import CLIP_S, SPEECH_S, Model, decode, text

Run = Callable[[int], object]
_QUIET: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, "include_dashboard": False}


def _timed(run: Run, warm: int, count: int) -> float:
    run(warm)
    began = time.perf_counter()
    run(count)
    return time.perf_counter() - began


def loop(warm: int, count: int) -> float:
    """One thing after the other."""
    speech, clip = Model(SPEECH_S), Model(CLIP_S)
    return _timed(lambda n: [(text(speech.work(decode(i))), clip.work(decode(i))) for i in range(n)], warm, count)


def _ray(**settings: Any) -> Any:
    import ray

    ray.init(address="local", num_cpus=2, object_store_memory=200 << 20, **_QUIET, **settings)
    return ray


def ray_actors(warm: int, count: int) -> float:
    """Resident actors, everything submitted at once."""
    ray = _ray()
    cpu, last = ray.remote(num_cpus=1)(decode), ray.remote(num_cpus=1)(text)
    speech, clip = (ray.remote(num_cpus=0)(Model).remote(seconds) for seconds in (SPEECH_S, CLIP_S))

    def run(n: int) -> None:
        said = [last.remote(speech.work.remote(cpu.remote(i))) for i in range(n)]
        ray.get(said + [clip.work.remote(cpu.remote(i)) for i in range(n)])

    return _timed(run, warm, count)


class Hear(Model):
    """Ray Data constructs its classes itself."""

    def __init__(self) -> None:
        super().__init__(SPEECH_S)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """One item."""
        return dict(self.work(row))


class See(Hear):
    """The other model."""

    def __init__(self) -> None:
        self._seconds = CLIP_S


def decode_again(row: dict[str, Any]) -> dict[str, Any]:
    """Of the frames: Ray Data would run one function for both where it is the same."""
    return dict(decode(row))


def ray_data(warm: int, count: int) -> float:
    """One linear plan: Ray Data has no branches."""
    _ray()
    import ray.data

    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)

    def run(n: int) -> None:
        plan = ray.data.from_items([{"item": i} for i in range(n)], override_num_blocks=n)
        plan = plan.map(decode, num_cpus=0.5).map(Hear, concurrency=1, num_cpus=0.1).map(text, num_cpus=0.3)
        plan.map(decode_again, num_cpus=0.5).map(See, concurrency=1, num_cpus=0.1).take_all()

    return _timed(run, warm, count)


def daft(warm: int, count: int) -> float:
    """Both branches are columns."""
    import daft as engine
    from daft import DataType, col

    kind, one = DataType.int64(), {"return_dtype": DataType.int64(), "batch_size": 1}
    decoded = engine.func.batch(**one)(lambda found: [decode(i) for i in found.to_pylist()])
    last = engine.func.batch(**one)(lambda found: [text(i) for i in found.to_pylist()])

    @engine.cls(max_concurrency=1)
    class Resident:
        def __init__(self, seconds: float) -> None:
            self._model = Model(seconds)

        @engine.method.batch(return_dtype=kind, batch_size=1)
        def run(self, found: Any) -> list[int]:
            return [self._model.work(i) for i in found.to_pylist()]

    speech, clip = Resident(SPEECH_S), Resident(CLIP_S)

    def run(n: int) -> None:
        plan = engine.from_pydict({"item": list(range(n))}).into_batches(1)
        plan = plan.with_column("sound", decoded(col("item"))).with_column("frames", decoded(col("item")))
        plan = plan.with_column("heard", speech.run(col("sound"))).with_column("seen", clip.run(col("frames")))
        plan.with_column("said", last(col("heard"))).select("said", "seen").to_pydict()

    return _timed(run, warm, count)


def _in_prefect(warm: int, count: int, runner: Any, speech: Callable[[Any], Any], clip: Callable[[Any], Any]) -> float:
    from prefect import flow, task

    first, last, hear, see = task(decode), task(text), task(speech), task(clip)

    @flow(task_runner=runner)
    def items(n: int) -> None:
        futures = [last.submit(hear.submit(first.submit(i))) for i in range(n)]
        for future in [*futures, *(see.submit(first.submit(i)) for i in range(n))]:
            future.result()

    return _timed(items, warm, count)


def prefect_threads(warm: int, count: int) -> float:
    """A lock for each model."""
    from prefect.task_runners import ThreadPoolTaskRunner

    def resident(seconds: float) -> Callable[[Any], Any]:
        model, turn = Model(seconds), threading.Lock()

        def ask(item: Any) -> Any:
            with turn:
                return model.work(item)

        return ask

    return _in_prefect(warm, count, ThreadPoolTaskRunner(max_workers=64), resident(SPEECH_S), resident(CLIP_S))


def prefect_ray_stock(warm: int, count: int) -> float:
    """An actor for each model, asked by tasks."""
    env = {name: value for name, value in os.environ.items() if name.startswith("PREFECT_")}
    ray = _ray(namespace="prefect", runtime_env={"env_vars": env})
    from prefect_ray import RayTaskRunner

    def resident(name: str, seconds: float) -> Callable[[Any], Any]:
        ray.remote(num_cpus=0)(Model).options(name=name, lifetime="detached").remote(seconds)

        def ask(item: Any) -> Any:
            import ray as here

            return here.get(here.get_actor(name).work.remote(item))

        return ask

    return _in_prefect(warm, count, RayTaskRunner(), resident("speech", SPEECH_S), resident("clip", CLIP_S))


if __name__ == "__main__":
    kind, given = sys.argv[1], (int(sys.argv[2]), int(sys.argv[3]))
    if kind.startswith("prefect"):
        with prefect_server():
            seconds = globals()[kind](*given)
    else:
        seconds = globals()[kind](*given)
    print(json.dumps({"seconds": seconds}))
