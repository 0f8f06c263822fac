"""What the pools of a cluster are doing, for people."""

from __future__ import annotations

from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util import list_named_actors

from actors.client import MASTER
from actors.spec import NAMESPACE

_ANSWER_S = 10.0


def pool_states() -> list[dict[str, Any]]:
    """Asks every master of the cluster that this process has joined; one that does not answer is left out."""
    found: list[dict[str, Any]] = []
    for name in sorted(list_named_actors()):
        if name.startswith(MASTER):
            try:
                master = ray.get_actor(name, namespace=NAMESPACE)
                states = ray.get(master.state.remote(), timeout=_ANSWER_S)
            except (RayError, GetTimeoutError, ValueError):
                continue
            found += [{"code": name.removeprefix(MASTER), **state} for state in states]
    return found
