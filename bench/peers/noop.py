"""The no-op DAG of eight stages as a peer's users write it: `noop.py KIND WARM N` prints seconds as JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.peers.prefect_server import prefect_server

_SPEECH = ("extract_audio", "transcribe", "chunk", "embed_text", "write_speech")
_FRAMES = ("sample_frames", "embed_frames", "write_frames")


def nothing(source: Any) -> int:
    """A stage."""
    return 1


def submit_all(count: int, submit: Callable[[str, Any], Any]) -> list[Any]:
    """Submits the DAG for each item; `submit(stage, source)` gives a future."""
    futures = []
    for n in range(count):
        for branch in (_SPEECH, _FRAMES):
            source: Any = n
            for name in branch:
                source = submit(name, source)
                futures.append(source)
    return futures


def on_bare_ray(warm: int, count: int) -> float:
    """Plain Ray tasks."""
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    stage = ray.remote(num_cpus=1)(nothing)
    ray.get(submit_all(warm, lambda name, source: stage.remote(source)))
    began = time.perf_counter()
    ray.get(submit_all(count, lambda name, source: stage.remote(source)))
    seconds = time.perf_counter() - began
    ray.shutdown()
    return seconds


def in_prefect(kind: str, warm: int, count: int) -> float:
    """Prefect with its threads, or with prefect-ray's task runner; one server."""
    from prefect import flow, task
    from prefect.task_runners import ThreadPoolTaskRunner
    from prefect_ray import RayTaskRunner

    tasks = {name: task(name=name)(nothing) for name in (*_SPEECH, *_FRAMES)}
    runner: Any = ThreadPoolTaskRunner(max_workers=64)
    if kind == "stock":
        import ray

        env = {name: value for name, value in os.environ.items() if name.startswith("PREFECT_")}
        quiet = {"include_dashboard": False, "logging_level": logging.ERROR, "log_to_driver": False}
        ray.init(address="local", num_cpus=2, namespace="prefect", runtime_env={"env_vars": env}, **quiet)
        runner = RayTaskRunner()

    @flow(task_runner=runner)
    def items(count: int) -> float:
        began = time.perf_counter()
        for future in submit_all(count, lambda name, source: tasks[name].submit(source)):
            future.wait()
        return time.perf_counter() - began

    items(warm)
    return float(items(count))


if __name__ == "__main__":
    kind, warm, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if kind == "bare":
        seconds = on_bare_ray(warm, count)
    else:
        with prefect_server():
            seconds = in_prefect(kind, warm, count)
    print(json.dumps({"seconds": seconds}))
