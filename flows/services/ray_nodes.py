"""The nodes of a cluster that was joined: each has to have this Medley, this Python and this Ray before work begins.

Code reaches them by an image, a shared environment or Ray's working_dir (docs/cluster.md): here it is seen that it has.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError, RuntimeEnvSetupError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import actors
import medley
import tasks
from flows.services.log import logger
from medley import __version__
from medley.code import code_of
from medley.errors import ServiceUnreachable, SetupError

_ANSWER_S = 15.0  # a worker has to start for it
_REMEDY = "Install the same version on every node (docs/cluster.md), and start its Ray anew"


def check_nodes(timeout_s: float = _ANSWER_S) -> None:
    """Raises SetupError where a node that takes tasks has something else installed.

    Raises ServiceUnreachable where no node answers. One that is slow to answer is named in the log, and checks itself
    again with its first task.
    """
    nodes = {node["NodeID"]: node["NodeManagerHostname"] for node in ray.nodes() if _takes_tasks(node)}
    look = ray.remote(_looker())
    asked = {look.options(**_on(node)).remote(): node for node in nodes}
    answered, waiting = ray.wait(list(asked), num_returns=len(asked), timeout=timeout_s) if asked else ([], [])
    wrong = [f"{nodes[asked[ref]]} {why}" for ref in answered if (why := _difference(ref))]
    if wrong:
        more = f" (and {len(wrong) - 1} more nodes)" if len(wrong) > 1 else ""
        raise SetupError(f"node {wrong[0]}{more}", remedy=_REMEDY)
    slow = ", ".join(sorted(nodes[asked[ref]] for ref in waiting))
    if asked and not answered:
        remedy = "See whether its workers start (ray status, the nodes' logs), then run again"
        raise ServiceUnreachable(
            f"no node of the Ray cluster took a task within {timeout_s:g} s: {slow}", remedy=remedy
        )
    if slow:
        logger.warning("nodes that have not taken a task within %g s: %s", timeout_s, slow)


def _takes_tasks(node: dict[str, Any]) -> bool:
    return bool(node["Alive"] and node["Resources"].get("CPU"))


def _on(node: str) -> dict[str, Any]:
    where = NodeAffinitySchedulingStrategy(node, soft=False)
    return {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": where}


def _looker() -> Callable[[], tuple[str, ...]]:
    """Makes the function that a node runs: sent as it is, because the node may have no Medley to import it from."""

    def look() -> tuple[str, ...]:
        import importlib
        import platform

        import ray

        names = ("tasks", "actors", "medley")
        try:
            found = [importlib.import_module(name) for name in names]
            code = importlib.import_module("medley.code").code_of(*found)
            version = found[-1].__version__
        except ImportError as error:
            version, code = f"none ({error})", ""
        return platform.python_version(), str(ray.__version__), str(version), str(code)

    return look


def _difference(ref: Any) -> str:
    """What a node has otherwise; empty where it has what this machine has."""
    try:
        found = ray.get(ref)
    except (RayTaskError, RuntimeEnvSetupError) as error:
        return f"cannot run a task: {' '.join(str(error).split())[:300]}"
    except RayError as error:  # it was drained or lost meanwhile
        logger.warning("a node left the cluster before it took a task: %s", type(error).__name__)
        return ""
    here = (platform.python_version(), ray.__version__, __version__, code_of(tasks, actors, medley))
    for name, there, ours in zip(("Python", "Ray", "Medley"), found, here, strict=False):
        if there != ours:
            return f"has {name} {there}, this machine {ours}"
    return (
        ""
        if found[3] == here[3]
        else f"has other code of Medley {__version__} ({found[3]}) than this machine ({here[3]})"
    )
