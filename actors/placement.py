"""Where one more replica of a model may run. No Ray: what the cluster has is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actors.spec import PoolSpec

#: A custom resource of Ray. Where any node declares it, models run only on nodes that do.
MODELS = "medley_models"


@dataclass(frozen=True, slots=True)
class Place:
    """A living node of the cluster, and what it declares."""

    node: str
    host: str
    cpus: float
    gpus: float
    models: float = 0.0


def places_of(nodes: Iterable[Mapping[str, Any]]) -> list[Place]:
    """Reads the living nodes of `ray.nodes()` that may run models: never those without a CPU."""
    found = []
    for node in nodes:
        has = node["Resources"]
        if node["Alive"] and has.get("CPU", 0) > 0:
            cpus, gpus, models = (float(has.get(name, 0)) for name in ("CPU", "GPU", MODELS))
            found.append(Place(node["NodeID"], node["NodeManagerHostname"], cpus, gpus, models))
    meant = [place for place in found if place.models]
    return meant or found


def room_on(place: Place, pool: PoolSpec) -> int:
    """Returns how many replicas of a pool a node takes: by GPU shares, or one for every two times its threads."""
    if pool.gpus:
        return int(place.gpus / pool.gpus + 1e-6)
    return pool.most if pool.free else max(1, int(place.cpus // (2 * pool.threads)))


def next_place(pool: PoolSpec, places: Sequence[Place], taken: Iterable[str], unfit: Iterable[str]) -> Place | None:
    """Picks the node for one more replica: the emptiest with room; None where there is none.

    `taken`: the nodes of the pool's replicas, each once for each replica. `unfit`: nodes on which the model failed to
    load.
    """
    used, avoided = Counter(taken), set(unfit)
    fitting = [place for place in places if place.node not in avoided and used[place.node] < room_on(place, pool)]
    return min(fitting, key=lambda place: used[place.node] / room_on(place, pool), default=None)
