"""Simulated runs: nothing is lost, doubled, stuck or done twice, whatever the seed. `make simulate SEEDS=10000`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.sim_world import SimStore
from tests.chaos.simulate import played
from tests.chaos.simulation import template

#: Seeds that have found something. 1447: a run forgot a replaced file while another one began with it. 4844: nobody
#: removed the records of a replaced file on which a lost run had a claim while the other runs had something to do.
_FOUND = (1447, 4844)


@pytest.mark.parametrize("seed", _FOUND)
def test_stories_that_once_ended_badly(home: Path, tmp_path: Path, seed: int) -> None:
    assert played(range(seed, seed + 1), tmp_path, template(home)) == {}


@pytest.mark.timeout(300)
def test_forty_stories_end_well(home: Path, tmp_path: Path) -> None:
    assert played(range(1, 41), tmp_path, template(home)) == {}


def test_a_store_that_keeps_older_rows_is_noticed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimStore, "_remove", lambda store, wanted: None)
    wrong = played(range(1, 11), tmp_path, template(home))
    assert any("too many" in what for told in wrong.values() for what in told)
    again = played(range(min(wrong), min(wrong) + 1), tmp_path, template(home))
    assert again[min(wrong)][0] == wrong[min(wrong)][0], "the same seed is the same story"
