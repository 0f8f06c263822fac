"""Pools and tasks for programs of your own: the same masters and replicas as Medley's models, in a few lines.

Where no Ray cluster is at hand, everything runs in this process, and the log says so.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Protocol

logger = logging.getLogger("medley.pools")
_RUN = "program"
_WAITING = 32  #: calls of one `map` that wait at the same time


class Pool(Protocol):
    """Resident objects of one class."""

    def call(self, method: str, *args: Any) -> Any:
        """Calls a method of one of the objects. Raises what the method raises."""
        ...

    def map(self, method: str, inputs: Iterable[Any]) -> Iterator[Any]:
        """Yields the results of a method for each input, in the order of the inputs; many are at work at once."""
        ...

    def close(self) -> None:
        """Ends the objects."""
        ...


def pool(name: str, cls: type, *args: Any, size: int = 1, num_gpus: float = 0.0, **resources: float) -> Pool:
    """Keeps `size` objects `cls(*args)` in processes of their own, for every program on the cluster that says `name`.

    Each process gets a share of a GPU (`num_gpus`) and custom resources of Ray.
    """
    if not is_available():
        logger.info("Ray is not available: the pool %s runs in this process", name)
        only = cls(*args)
        return _Pool(lambda method, *given: getattr(only, method)(*given), lambda: None)
    from ray.cloudpickle import dumps

    from actors.client import RayPool
    from actors.spec import PoolSpec

    makes = dumps((_Hosted, (cls, args)))
    wanted = tuple(sorted(resources.items()))
    facts: dict[str, Any] = {"gpus": num_gpus, "least": size, "most": size, "free": True}
    spec = PoolSpec(name, f"pool {name}", name, makes=makes, resources=wanted, **facts)
    asked = RayPool(spec, _RUN)
    return _Pool(asked.call, asked.end)


def submit(fn: Callable[..., Any], *args: Any, num_cpus: float = 1, num_gpus: float = 0, **kwargs: Any) -> Future[Any]:
    """Runs a function on the cluster, with as many CPUs and GPUs; returns the future of its result."""
    if not is_available():
        logger.info("Ray is not available: %s runs in this process", getattr(fn, "__name__", fn))
        return _threads().submit(fn, *args, **kwargs)
    import ray

    task = ray.remote(num_cpus=num_cpus, num_gpus=num_gpus)(_called)
    found: Future[Any] = task.remote(fn, *args, **kwargs).future()
    return found


def _called(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return fn(*args, **kwargs)


def submit_batch(
    fn: Callable[..., Any],
    calls: Sequence[tuple[tuple[Any, ...], dict[str, Any]]],
    *,
    num_cpus: float = 1,
    num_gpus: float = 0,
) -> list[Any]:
    """Runs a function for each pair of arguments and keywords, and returns the results in their order."""
    futures = [submit(fn, *args, num_cpus=num_cpus, num_gpus=num_gpus, **kwargs) for args, kwargs in calls]
    return [future.result() for future in futures]


def is_available() -> bool:
    """Tells whether this process is on a Ray cluster; joins the one that RAY_ADDRESS names."""
    import ray

    if not ray.is_initialized() and os.environ.get("RAY_ADDRESS"):
        try:
            ray.init(address=os.environ["RAY_ADDRESS"], log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # noqa: BLE001  # Ray raises of every kind
            logger.warning("the Ray cluster at %s cannot be joined: %s", os.environ["RAY_ADDRESS"], error)
    return bool(ray.is_initialized())


def health_check() -> dict[str, Any]:
    """Returns how the cluster is: nodes, CPUs, GPUs and the names of its pools."""
    if not is_available():
        nothing = {"total": 0, "available": 0.0}
        return _health("unavailable", "disconnected", 0, nothing, dict(nothing), [])
    import ray

    from actors.overview import pool_states

    total, free = ray.cluster_resources(), ray.available_resources()
    cpus, gpus = ({"total": int(total.get(n, 0)), "available": float(free.get(n, 0.0))} for n in ("CPU", "GPU"))
    nodes = sum(bool(node["Alive"]) for node in ray.nodes())
    return _health("healthy", "connected", nodes, cpus, gpus, [state["name"] for state in pool_states()])


def _health(status: str, ray_status: str, nodes: int, cpus: Any, gpus: Any, pools: list[str]) -> dict[str, Any]:
    return {
        "status": status,
        "ray_status": ray_status,
        "nodes": nodes,
        "cpus": cpus,
        "gpus": gpus,
        "actor_pools": pools,
    }


class _Hosted:
    """An object of somebody else's as a replica knows it."""

    def __init__(self, cls: type, args: tuple[Any, ...]) -> None:
        self._object = cls(*args)

    def run(self, call_id: str, method: str, *args: Any) -> tuple[Any, list[str]]:
        return getattr(self._object, method)(*args), []

    def working_s(self, call_id: str) -> float:
        return float("inf")  # it does not say: the master's own clock counts


class _Pool:
    """A pool whose calls are made by one function, and ended by another."""

    def __init__(self, call: Callable[..., Any], close: Callable[[], None]) -> None:
        self.call, self.close = call, close

    def map(self, method: str, inputs: Iterable[Any]) -> Iterator[Any]:
        """Yields the results of a method for each input, in the order of the inputs."""
        with ThreadPoolExecutor(_WAITING) as asking:
            yield from asking.map(lambda given: self.call(method, given), inputs)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Returns the method as a function: `pool.predict(x)` is `pool.call("predict", x)`."""
        if method.startswith("_"):
            raise AttributeError(method)
        return lambda *args: self.call(method, *args)


@lru_cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count())
