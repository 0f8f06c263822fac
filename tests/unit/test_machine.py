"""What a process may use of its machine: a container's quota counts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from medley.system import machine


@pytest.fixture(autouse=True)
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place of a container's limits, on a machine of sixteen CPUs and 64 GB."""
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 64 << 30, "SC_PAGE_SIZE": 1}.__getitem__)
    for known in (machine.cpus, machine.memory_bytes):
        known.cache_clear()
    yield tmp_path
    for known in (machine.cpus, machine.memory_bytes):
        known.cache_clear()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{text}\n")


@pytest.mark.parametrize(
    ("files", "cpus", "gigabytes"),
    [
        ({}, 16, 64),
        ({"cpu.max": "max 100000", "memory.max": "max"}, 16, 64),
        ({"cpu.max": "200000 100000", "memory.max": str(4 << 30)}, 2, 4),
        ({"cpu.max": "50000 100000"}, 1, 64),
        ({"cpu.max": "250000 100000"}, 3, 64),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4, 64),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 16, 64),
        ({"memory/memory.limit_in_bytes": str((1 << 63) - 4096)}, 16, 64),
        ({"memory/memory.limit_in_bytes": str(8 << 30)}, 16, 8),
    ],
)
def test_the_least_of_all_limits_counts(cgroup: Path, files: dict[str, str], cpus: int, gigabytes: int) -> None:
    for name, text in files.items():
        write(cgroup / name, text)
    assert (machine.cpus(), machine.memory_bytes() >> 30) == (cpus, gigabytes)


def test_a_process_that_is_bound_to_two_cpus_has_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5}, raising=False)
    assert machine.cpus() == 2
