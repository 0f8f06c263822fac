"""Which share of a GPU a model gets, and what doctor says of it; no GPU is needed for that."""

from __future__ import annotations

import pytest

from actors.shares import measured_share
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
