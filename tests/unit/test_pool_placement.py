"""Where replicas of a model go, and how many there should be."""

from __future__ import annotations

from collections import Counter
from typing import Any

from actors.placement import Place, next_place, places_of
from actors.scaling import Scaling
from actors.spec import PoolSpec

SPEC = PoolSpec("key", "model")


def node(name: str, cpus: float = 0, gpus: float = 0, *, models: float = 0, alive: bool = True) -> dict[str, Any]:
    resources = {"CPU": cpus, "GPU": gpus, "medley_models": models}
    return {"NodeID": name, "NodeManagerHostname": name, "Alive": alive, "Resources": resources}


def test_models_run_on_nodes_with_cpus_and_on_those_meant_for_them() -> None:
    assert [place.node for place in places_of([node("driver"), node("one", 4), node("dead", 4, alive=False)])] == [
        "one"
    ]
    assert [place.node for place in places_of([node("one", 4), node("two", 4, models=1)])] == ["two"]


def test_a_replica_goes_to_the_emptiest_node_with_room() -> None:
    places = [Place("small", "small", 2, 0), Place("large", "large", 16, 0)]
    pool = PoolSpec("key", "model", threads=2)
    assert next_place(pool, places, [], []) == places[0]
    taken: list[str] = []
    while place := next_place(pool, places, taken, []):
        taken.append(place.node)
    assert Counter(taken) == {"small": 1, "large": 4}
    assert next_place(pool, places, [], ["small", "large"]) is None


def test_gpus_are_shared_by_fractions() -> None:
    places = [Place("none", "none", 8, 0), Place("two", "two", 8, 2)]
    pool = PoolSpec("key", "model", gpus=0.25)
    taken: list[str] = []
    while place := next_place(pool, places, taken, []):
        taken.append(place.node)
    assert Counter(taken) == {"two": 8}


def test_replicas_follow_the_work() -> None:
    scaling = Scaling()
    assert scaling.wanted(SPEC, 0, 0, 0.0, []) == 1, "the least"
    assert scaling.wanted(SPEC, 1, 9, 30.0, [0.0]) == 1, "one look is not enough"
    assert scaling.wanted(SPEC, 1, 9, 30.0, [0.0]) == 2
    assert scaling.wanted(SPEC, 2, 9, 3.0, [0.0, 0.0]) == 2, "the work is soon done"
    assert scaling.wanted(SPEC, 2, 0, 0.0, [0.0, 61.0]) == 1
    assert scaling.wanted(SPEC, 1, 0, 0.0, [3600.0]) == 1
    none = PoolSpec("key", "model", least=0, most=1)
    assert scaling.wanted(none, 0, 0, 0.0, []) == 0
    assert scaling.wanted(none, 0, 1, 0.0, []) == 1
    assert scaling.wanted(none, 1, 0, 0.0, [61.0]) == 0
    assert [scaling.wanted(none, 1, 99, 99.0, [0.0]) for _ in range(3)] == [1, 1, 1], "no more than allowed"
