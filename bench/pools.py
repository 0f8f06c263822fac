"""What a pool costs, and whether it keeps its models busy: `python bench/pools.py` (`make bench-pools`).

The models only pretend: a GPU is a sleep of 20 ms for a batch of up to 64. Measured on a Ray cluster of this machine:
the time of a call that does nothing, the share of its time that a model works, throughput with 1, 2 and 4 replicas, and
5,000 calls of three runs with their memory.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psutil

from flows.services.ray_private import quiet_workers  # before Ray: it asks for a token otherwise

import ray  # isort: skip
from actors.client import RayPool, master
from bench.results import keep
from tests.processes.pool_models import Pretend, pretended

_BATCH_S, _BATCH = 0.020, 64
_FEW, _CALLS = 300, 5_000


@contextmanager
def _pool(name: str, *args: Any, **facts: Any) -> Iterator[RayPool]:
    pool = RayPool(pretended(Pretend, name, *args, **facts), "run")
    pool.call("pid")
    yield pool
    pool.end()


def _state(name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = ray.get(master().state.remote())
    return next(state for state in found if state["name"] == name)


def _busy_s(name: str) -> float:
    return sum(float(replica["busy_s"]) for replica in _state(name)["replicas"])


def overhead_ms() -> float:
    """Milliseconds of a call that does nothing, the median of many one after the other."""
    with _pool("overhead") as pool:
        times = []
        for _ in range(_FEW):
            began = time.perf_counter()
            pool.call("sleep", 0)
            times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def throughput(replicas: int, seconds: float = 8.0) -> tuple[float, float]:
    """Items a second of a number of replicas that are asked for more than they can do, and the share they work."""
    items = list(range(_BATCH))
    with _pool(f"busy-{replicas}", _BATCH_S, _BATCH, least=replicas, most=replicas, free=True) as pool:
        while sum(replica["ready"] for replica in _state(f"busy-{replicas}")["replicas"]) < replicas:
            time.sleep(0.1)
        before, end = _busy_s(f"busy-{replicas}"), time.monotonic() + seconds

        def ask(_: int) -> int:
            done = 0
            while time.monotonic() < end:
                done += len(pool.call("double", items))
            return done

        with ThreadPoolExecutor(3 * replicas) as asking:
            done = sum(asking.map(ask, range(3 * replicas)))
        busy_s = _busy_s(f"busy-{replicas}") - before
    return done / seconds, busy_s / (replicas * seconds)


def many() -> dict[str, float]:
    """Thousands of small calls of three runs at once: seconds, and how much the master has grown in the later half."""
    spec = pretended(Pretend, "many", bound=256)
    runs = [RayPool(spec, f"run {n}") for n in range(3)]
    runs[0].call("pid")
    children = psutil.Process().children(recursive=True)
    process = next(child for child in children if "PoolMaster" in " ".join(child.cmdline()))
    began, halves = time.monotonic(), []
    with ThreadPoolExecutor(48) as asking:
        for half in range(2):
            calls = range(half * _CALLS // 2, (half + 1) * _CALLS // 2)
            assert list(asking.map(lambda n: runs[n % 3].call("double", [n]), calls)) == [[2 * n] for n in calls]
            halves.append(process.memory_info().rss / 1e6)
    runs[0].end()
    return {"seconds": time.monotonic() - began, "grown_mb": halves[1] - halves[0], "mb": halves[1]}


def main() -> None:
    """A line for each figure."""
    quiet_workers()
    ray.init(address="local", include_dashboard=False, object_store_memory=100 << 20, namespace="medley")
    cost_ms = overhead_ms()
    print(f"a call: {cost_ms:.2f} ms", flush=True)
    found: dict[str, Any] = {"call_ms": cost_ms, "replicas": {}}
    for count in (1, 2, 4):
        rate, busy = throughput(count)
        found["replicas"][count] = {"items_s": rate, "busy": busy}
        linear = rate / (count * found["replicas"][1]["items_s"])
        print(f"{count} replicas: {rate:.0f} items/s, busy {busy:.1%}, {linear:.2f} of linear", flush=True)
    found["many"] = many()
    print(
        "5,000 calls of three runs: {seconds:.1f} s, master {mb:.0f} MB, grown {grown_mb:.1f} MB".format(
            **found["many"]
        )
    )
    keep("pools", found)


if __name__ == "__main__":
    main()
