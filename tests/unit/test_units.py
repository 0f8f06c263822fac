"""How many batches are in flight: by CPUs, memory and what waits for models."""

from __future__ import annotations

import pytest

from flows.engine.units import Units, next_units
from flows.services.capacity import Load, local_units, most_units
from medley.settings import Settings

GB = 1 << 30


def followed(load: Load, looks: int, start: int = 4) -> int:
    now = start
    for _ in range(looks):
        now = next_units(now, load)
    return now


def test_a_cluster_that_grows_is_filled_at_once() -> None:
    assert next_units(4, Load(cpus=64, memory_bytes=256 * GB)) == 66
    assert next_units(66, Load(cpus=2, memory_bytes=8 * GB)) == 4, "and one that shrinks is not overrun"


def test_idle_cpus_get_more_batches_until_the_models_have_enough() -> None:
    idle = Load(cpus=16, memory_bytes=64 * GB, free_cpus=8)
    assert followed(idle, looks=5, start=18) == 23
    assert followed(idle, looks=100) == 34, "twice the CPUs are enough for any pipeline"
    waited = Load(cpus=16, memory_bytes=64 * GB, free_cpus=8, waiting=300)
    assert followed(waited, looks=100, start=34) == 18, "more would only wait for the models, too"


def test_a_small_machine_gets_no_more_than_it_has_use_for() -> None:
    assert followed(Load(cpus=2, memory_bytes=24 * GB, free_cpus=2), looks=50) == 4


def test_memory_bounds_them() -> None:
    assert most_units(Load(cpus=64, memory_bytes=4 * GB)) == 8
    assert most_units(Load(cpus=64, memory_bytes=1 << 20)) == 2


def test_a_number_that_is_given_stays(settings: Settings) -> None:
    given = settings.model_copy(update={"window": 7})
    assert local_units(given) == 7
    with Units(given) as units:
        assert units.now == 7


def test_a_private_cluster_counts_the_cpus_that_it_declares(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.services.capacity.memory_bytes", lambda: 64 * GB)
    ray = settings.ray.model_copy(update={"num_cpus": 10})
    assert local_units(settings.model_copy(update={"ray": ray})) == 12
