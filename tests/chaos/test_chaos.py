"""A run that is struck anywhere ends, after one more run, as one that nothing has disturbed; and the kit would see it.

`make chaos ROUNDS=20 SEED=1`: rounds over forty files of every pipeline, every fault.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.chaos.faults import can_mount, faults, standing_faults
from flows.chaos.rounds import Rounds, home_settings
from flows.services.shared import vector_store
from medley.system.points import POINTS
from tests.chaos.corruptions import Home
from tests.conftest import SAMPLE, Medley
from tests.documents import both, pdf, picture, placed, text
from tests.variants import cut

_COLOURS = ("red", "green", "blue", "yellow", "purple", "orange")
_SEED, _ROUNDS = int(os.environ.get("SEED", "1")), int(os.environ.get("ROUNDS", "20"))


def corpus(made: Path, pictures: int, pages: int, notes: int, videos: int) -> Path:
    """Files of every pipeline, and a bad one of each kind."""
    made.mkdir()
    for n in range(pictures):
        picture((200 + n, 160), _COLOURS[n % 6], ("ellipse", "rectangle")[n % 2]).save(made / f"{n:03}.png")
    for n in range(pages):
        shown = placed(picture((300 + n, 200), _COLOURS[n % 6]), 100, 150, 200, 150)
        pdf(made / f"{n}.pdf", both(text((72, 100, f"Document {n} tells of {n * 37} elephants.")), shown))
    for n in range(notes):
        (made / f"{n}.md").write_text(f"# Harbour {n}\n\nThe budget of harbour {n} was spent on {n * 7} cranes.\n")
    for n in range(videos):
        cut(SAMPLE, made / f"{n}.mp4", start_s=5 * n, seconds=4)
    (made / "cut.png").write_bytes((made / "000.png").read_bytes()[:200])
    (made / "cut.pdf").write_bytes((made / "0.pdf").read_bytes()[:200])
    return made


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rounds]:
    """Rounds over a few files."""
    directory = tmp_path_factory.mktemp("chaos")
    files = corpus(directory / "in", 3, 1, 1, 0)
    with pytest.MonkeyPatch.context() as patch, contextlib.closing(Rounds([str(files)], directory)) as made:
        patch.setenv("MEDLEY_PROFILE", "demo")
        made.prepare()
        yield made


@pytest.fixture(autouse=True)
def _demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLEY_PROFILE", "demo")


AFTER_AN_ITEM = [fault for fault in faults(disks=False) if fault.point == "outcome noted" and fault.runner == "local"]


@pytest.mark.whole  # make chaos; every day the next one
def test_what_was_killed_between_two_notes_is_made_good(rounds: Rounds) -> None:
    assert rounds.play(_SEED, AFTER_AN_ITEM).broken == []


def test_a_broken_promise_is_noticed_and_nothing_else(rounds: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "_sabotage", a_record_lost)
    lost, found = rounds.play(_SEED, AFTER_AN_ITEM).broken
    assert lost == "1 records are lost"
    assert found.startswith("verify: ")


def a_record_lost(home: Path) -> None:
    """As if the store had lost what it has acknowledged, of a file that is done."""
    [note, *_] = sorted(home.glob("artifacts/*/*/write_*/[!.]*/manifest.json"))
    with home_settings(home) as settings, vector_store(settings) as address:
        kept = Home(settings, address)
        name, row = next(one for one in kept.rows() if one[1]["asset_id"] == note.parents[2].name)
        kept.in_store(name, lambda client: client.delete(name, filter=f'id == "{row["id"]}"'))


def test_every_fault_has_a_name_of_its_own_and_points_say_what_is_half_done() -> None:
    names = [fault.name for fault in [*faults(disks=True), *standing_faults()]]
    assert len(set(names)) == len(names)
    assert {fault.point for fault in faults(disks=True)} - {""} == set(POINTS)


def test_nothing_happens_without_yes(medley: Medley, tmp_path: Path) -> None:
    listed = medley("chaos", tmp_path)
    assert (listed.code, "SIGKILL of the raylet (ray)" in listed.out) == (2, True)
    assert "Nothing was done" in listed.err
    assert medley("chaos", tmp_path / "gone", "--yes").code == 2
    assert "no fault is called flood" in medley("chaos", tmp_path, "--only", "flood").err


@pytest.mark.whole
@pytest.mark.timeout(24 * 3600)
def test_rounds_over_forty_files(tmp_path: Path) -> None:
    files = corpus(tmp_path / "in", 20, 8, 6, 4)
    broken = []
    with contextlib.closing(Rounds([str(files)], tmp_path)) as made:
        made.prepare()
        known = standing_faults() if os.environ.get("STANDING") else faults(disks=can_mount())
        for seed in range(_SEED, _SEED + _ROUNDS):
            done = made.play(seed, known)
            print(done, flush=True)
            broken += [done] if done.broken else []
    assert broken == []
