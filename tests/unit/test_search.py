"""Search: fusing by rank, and moments. The store is a fake; the encoder stands beside the real loaders."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from medley.search import Moment, search_moments
from medley.stores.base import Collection, Scope, ScoredRecord, VectorStore
from medley.types import Modality, Row
from tests import fakes
from tests.fakes import IMAGE_MODEL, TEXT_MODEL, FakeStore, asset_id, found, vector_of

TEXT = Collection("text_1", "text", TEXT_MODEL)
IMAGE = Collection("image_1", "image", IMAGE_MODEL)


@pytest.fixture(autouse=True)
def _fake_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model is a module in medley/models; `tests/fakes.py` is one more, called `fake`."""
    monkeypatch.setitem(sys.modules, "medley.models.fake", fakes)


def store(**answers: list[ScoredRecord]) -> FakeStore:
    """A store with one collection of each space: `vector`, `text` and `image` are what it answers."""
    return FakeStore(
        by_vector={TEXT.name: answers.get("vector", []), IMAGE.name: answers.get("image", [])},
        by_text={TEXT.name: answers.get("text", [])},
        spaces=[IMAGE, TEXT],
    )


def ask(fake: VectorStore, *modalities: Modality, limit: int = 10) -> list[Moment]:
    if modalities:
        return search_moments(fake, "query", scope=Scope(modalities), limit=limit)
    return search_moments(fake, "query", limit=limit)


def shown(moments: list[Moment]) -> list[list[str]]:
    """Record ids of each moment's evidence."""
    return [[piece.found.record_id for piece in moment.evidence] for moment in moments]


def test_nothing_indexed_or_nothing_found() -> None:
    assert ask(FakeStore()) == []
    assert ask(store()) == []


def test_lists_are_fused_by_rank_and_not_by_score() -> None:
    a, b, c = found("a", 0), found("b", 100), found("c", 200)
    moments = ask(store(vector=[a, b], text=[c, b]))
    assert shown(moments) == [["b"], ["a"], ["c"]]
    assert moments[0].score == pytest.approx(2 * 0.5 / 62)
    assert moments[1].score == moments[2].score == pytest.approx(0.5 / 61)


def test_a_picture_space_weighs_as_much_as_meaning_and_words_together() -> None:
    spoken, seen = found("spoken", 0), found("seen", 0, modality="frame", owner="two")
    moments = ask(store(vector=[spoken], text=[spoken], image=[seen]))
    assert [moment.score for moment in moments] == [pytest.approx(1 / 61)] * 2


def test_words_that_were_said_come_before_the_picture_that_fits_best() -> None:
    said, seen = found("said", 0, text="the Query, please"), found("seen", 0, modality="frame", owner="two")
    moments = ask(store(vector=[said], text=[said], image=[seen]))
    assert shown(moments) == [["said"], ["seen"]]
    assert moments[0].score == pytest.approx(2 / 61)


def test_ties_are_in_the_order_of_record_ids() -> None:
    hits = [found(name, n * 100) for n, name in enumerate("dbca")]
    for answers in ({"vector": hits[:1], "text": hits[1:2]}, {"vector": hits[1:2], "text": hits[:1]}):
        assert shown(ask(store(**answers))) == [["b"], ["d"]]
    fake = store(vector=hits, text=list(reversed(hits)))
    assert shown(ask(fake)) == shown(ask(fake))


def test_neighbours_of_one_file_are_one_moment() -> None:
    best, near, beyond = found("best", 10), found("near", 16), found("beyond", 16.001)
    assert shown(ask(store(vector=[best, near]))) == [["best", "near"]]
    assert shown(ask(store(vector=[best, beyond]))) == [["best"], ["beyond"]]
    before, far_before = found("before", 4), found("far", 3.999)
    assert shown(ask(store(vector=[best, before]))) == [["best", "before"]]
    assert shown(ask(store(vector=[best, far_before]))) == [["best"], ["far"]]


def test_another_file_is_another_moment() -> None:
    hits = [found("one", 10), found("two", 10, owner="two")]
    moments = ask(store(vector=hits))
    assert [moment.asset_id for moment in moments] == [asset_id("one"), asset_id("two")]


def test_sound_and_picture_that_agree_come_first() -> None:
    alone, beside = found("alone", 500, modality="frame"), found("beside", 12, modality="frame", long_s=0)
    fake = store(image=[alone, beside])
    assert shown(ask(fake)) == [["alone"], ["beside"]]
    fake.by_vector[TEXT.name] = [found("spoken", 10), found("spoken too", 11)]
    first, second = ask(fake)
    assert shown([first, second]) == [["beside", "spoken", "spoken too"], ["alone"]]
    assert first.score == pytest.approx(1 / 62 + 0.1 * 0.5 / 61), "each modality raises it once"
    assert second.score == pytest.approx(1 / 61)


def test_pages_are_moments_of_their_own() -> None:
    def page(record_id: str, number: int) -> ScoredRecord:
        return ScoredRecord(record_id, asset_id("one"), "speech", Row("page", record_id, page=number), 0.5)

    moments = ask(store(vector=[page("a", 1), page("b", 2), page("c", 1)]))
    assert shown(moments) == [["a", "c"], ["b"]]


def test_limit_is_of_moments_and_more_is_asked_for() -> None:
    hits = [found(f"r{n:02d}", n * 100) for n in range(20)]
    fake = store(vector=hits)
    assert shown(ask(fake, limit=2)) == [["r00"], ["r01"]]
    assert {limit for *_, limit in fake.asked} == {10}


def test_the_other_space_is_not_asked() -> None:
    fake = store(vector=[found("spoken", 0)], image=[found("seen", 0, modality="frame")])
    assert shown(ask(fake, "frame")) == [["seen"]]
    assert fake.asked == [(IMAGE.name, "vector", ["frame"], 50)]
    fake.asked.clear()
    assert shown(ask(fake, "speech")) == [["spoken"]]
    assert fake.asked == [(TEXT.name, "vector", ["speech"], 50), (TEXT.name, "query", ["speech"], 50)]


def test_every_collection_is_asked_in_its_own_models_language() -> None:
    fake = store(vector=[found("new", 0)])
    old = Collection("text_2", "text", fakes.ModelSpec("text", "fake", "fake/older", "1", "float32"))
    fake.spaces.append(old)
    fake.by_vector[old.name] = [found("old", 2)]
    assert shown(ask(fake)) == [["new", "old"]]
    assert [name for name, *_ in fake.asked] == [IMAGE.name, TEXT.name, TEXT.name, old.name, old.name]
    for vector in fake.vectors:
        np.testing.assert_array_equal(vector, vector_of("query"))
