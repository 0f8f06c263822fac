"""`make test-verify`: two hundred seeded corruptions are all found, all mended, and nothing is lost by it."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from flows.services.shared import vector_store
from medley.settings import load_settings
from tests import documents
from tests.chaos.corruptions import KINDS, RUN, Home, corrupt
from tests.conftest import SAMPLE, Medley
from tests.variants import cut

_AT_ONCE = 5
_SEED = int(os.environ.get("SEED", "19"))
_ROUNDS = -(-int(os.environ.get("N", "200")) // _AT_ONCE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten files of every pipeline."""
    made = tmp_path / "in"
    made.mkdir()
    for n in range(2):
        cut(SAMPLE, made / f"{n}.mp4", start_s=5 * n, seconds=4)
    for n, colour in enumerate(("red", "green", "blue")):
        documents.picture((200 + n, 160), colour, "ellipse").save(made / f"{n}.png")
        shown = documents.placed(documents.picture((300 + n, 200), colour), 100, 150, 200, 150)
        documents.pdf(
            made / f"{n}.pdf", documents.both(documents.text((72, 100, f"Page {n} of {colour} whales")), shown)
        )
    for n in range(2):
        (made / f"{n}.md").write_text(f"# Harbour {n}\n\nThe budget of harbour {n} was spent.\n")
    return made


def plan() -> list[list[str]]:
    """The kinds of each round: every kind comes as often as the others."""
    rng, kinds = random.Random(_SEED), list[str]()
    while len(kinds) < _ROUNDS * _AT_ONCE:
        kinds += rng.sample(list(KINDS), len(KINDS))
    return [kinds[at : at + _AT_ONCE] for at in range(0, _ROUNDS * _AT_ONCE, _AT_ONCE)]


@pytest.mark.whole
@pytest.mark.timeout(7200)
def test_all_corruptions_are_found_and_mended(folder: Path, medley: Medley, home: Path) -> None:
    assert medley("ingest", folder).code == 0
    with vector_store(load_settings()) as store:
        kept = Home(load_settings(), store)
        texts = sorted((row["id"], row["text"]) for _, row in kept.rows())
        assets = sorted({row["asset_id"] for _, row in kept.rows()})
        for n, kinds in enumerate(plan()):
            rng = random.Random(f"{_SEED} {n}")
            victims = rng.sample(assets, len(kinds))
            done = {kind: corrupt(kept, kind, victim, rng) for kind, victim in zip(kinds, victims, strict=True)}
            told = f"seed {_SEED}, round {n}: {done}"
            found = medley("verify", "--json")
            places = {fault["asset_id"] or RUN for fault in found.report["faults"]}
            assert (found.code, places) == (1, set(done.values())), told
            mended = medley("verify", "--repair", "--json")
            assert (mended.code, mended.report["faults"]) == (0, []), told
            assert medley("verify").code == 0, told
            assert sorted((row["id"], row["text"]) for _, row in kept.rows()) == texts, told
