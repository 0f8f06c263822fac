"""What a cluster or a machine has, and how many batches of a run that is good for."""

from __future__ import annotations

import os
from dataclasses import dataclass

from medley.settings import Settings

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
    cpus = settings.ray.num_cpus if settings.runner == "ray" and settings.ray.num_cpus else os.cpu_count() or 1
    memory = 0.75 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return settings.window or min(int(cpus) + WAITING, most_units(Load(cpus, memory)))
