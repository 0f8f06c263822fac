"""What a cluster or a machine has, and how many batches of a run that is good for."""

from __future__ import annotations

from dataclasses import dataclass

from medley.settings import Settings
from medley.system.machine import cpus, memory_bytes

WAITING = 2  # batches wait for a model or the store while the CPUs are at the others
_BATCH_BYTES = 512 << 20  # of a worker, its decoder aside: that has a budget of its own
_LEAST = 2
_SMALL = 4  # CPUs: up to here more batches only get into each other's way


@dataclass(frozen=True, slots=True)
class Load:
    """A cluster, or this machine: what it has, and what of it is idle."""

    cpus: float
    memory_bytes: float
    free_cpus: float = 0.0
    waiting: int = 0  #: items that wait for models


def most_units(load: Load) -> int:
    """Returns how many batches the memory has room for, and the CPUs a use."""
    wanted = 2 * load.cpus + WAITING if load.cpus > _SMALL else load.cpus + WAITING
    return max(_LEAST, int(min(wanted, load.memory_bytes // _BATCH_BYTES)))


def local_units(settings: Settings) -> int:
    """Returns how many batches are in flight on this machine alone."""
    given = settings.ray.num_cpus if settings.runner == "ray" else None
    count = given or cpus()
    return settings.window or min(count + WAITING, most_units(Load(count, 0.75 * memory_bytes())))
