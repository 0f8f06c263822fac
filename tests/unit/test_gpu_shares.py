"""Which share of a GPU a model gets, and what doctor says of it; no GPU is needed for that."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from actors.model_pool import Pool
from actors.replica import Use
from actors.shares import measured_share
from actors.spec import PoolSpec
from flows.up.checks import machine
from medley.settings import Settings
from medley.system.gpu import Gpu


@pytest.mark.parametrize(
    ("peak_mb", "total_mb", "reserve_mb", "share"),
    [
        (0.0, 80_000, 512, None),  # nothing was measured
        (4_000, 0.0, 512, None),  # nor is a GPU known
        (4_000, 80_000, 0, 0.06),
        (4_000, 16_512, 512, 0.3),
        (10, 80_000, 512, 0.01),
        (20_000, 16_000, 512, 1.0),
    ],
)
def test_the_share_is_what_was_needed_and_a_fifth_more(
    peak_mb: float, total_mb: float, reserve_mb: float, share: float | None
) -> None:
    assert measured_share(peak_mb, total_mb, reserve_mb) == share


def test_further_processes_ask_for_what_the_first_one_has_needed() -> None:
    guessed = PoolSpec("key", "model", gpus=0.5, guessed=True)

    async def asked(spec: PoolSpec, *peaks_mb: float) -> float:
        pool = Pool(spec)
        for n, peak_mb in enumerate(peaks_mb):
            facts = SimpleNamespace(gpu_total_mb=10_000.0)
            pool.replicas[str(n)] = SimpleNamespace(use=Use(1.0, peak_mb), facts=facts)  # type: ignore[assignment]
        return pool.next_spec.gpus

    assert asyncio.run(asked(guessed)) == 0.5, "nothing is known"
    assert asyncio.run(asked(guessed, 1_000.0, 900.0)) == 0.12
    assert asyncio.run(asked(replace(guessed, reserve_mb=5_000), 1_000.0)) == 0.24
    assert asyncio.run(asked(replace(guessed, guessed=False), 1_000.0)) == 0.5, "somebody has set it"


def test_doctor_names_a_safe_size_and_why(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "machine_has_gpu", lambda: True)
    monkeypatch.setattr(machine, "gpus_seen", lambda: {"torch": 1, "ctranslate2": 1})
    monkeypatch.setattr(machine, "gpus", lambda: [Gpu("Large", 80_000, 2_000), Gpu("Full", 8_000, 7_900)])
    lines = [line.what for line in machine.check_gpu(settings.model_copy(update={"profile": "demo"}))]
    assert lines[0] == "1, seen by torch and ctranslate2"
    large = [line for line in lines if line.startswith("Large: ")]
    assert len(large) == 3
    assert "80000 MB, 2000 taken, 512 in reserve" in large[0]
    assert all(line.startswith("Full: 0 processes") for line in lines if "Full" in line)
