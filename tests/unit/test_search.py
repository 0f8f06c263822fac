"""Search: scores, and moments. The store is a fake; the encoder stands beside the real loaders."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medley.labels import unrelated_texts
from medley.search import Moment, search_moments
from medley.search.floors import Floors
from medley.search.scores import Floor, Wanted, floor_from, words_of
from medley.stores.base import Collection, Scope, ScoredRecord, VectorStore
from medley.types import Modality, Row
from tests import fakes
from tests.fakes import IMAGE_MODEL, TEXT_MODEL, FakeEncoder, FakeStore, asset_id, found, vector_of

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


class KnownFloors(Floors):
    """The same floor for each collection."""

    def of(self, *_: object) -> Floor:
        return Floor(0.45, 0.75)


FLOORS = KnownFloors()


def ask(fake: VectorStore, *modalities: Modality, limit: int = 10, query: str = "query") -> list[Moment]:
    scope = Scope(modalities) if modalities else Scope()
    return search_moments(fake, query, scope=scope, limit=limit, floors=FLOORS)


def shown(moments: list[Moment]) -> list[list[str]]:
    """Record ids of each moment's evidence."""
    return [[piece.found.record_id for piece in moment.evidence] for moment in moments]


def test_nothing_indexed_or_nothing_found() -> None:
    assert ask(FakeStore()) == []
    assert ask(store()) == []


def seen(record_id: str, at_s: float, cosine: float, owner: str = "two", long_s: float = 0) -> ScoredRecord:
    return replace(found(record_id, at_s, modality="frame", owner=owner, long_s=long_s), score=cosine)


def test_a_record_has_the_score_of_its_cosine_and_keeps_what_it_comes_from() -> None:
    low, high = (replace(found(name, n * 100), score=score) for n, (name, score) in enumerate((("a", 0.1), ("b", 0.9))))
    moments = ask(store(vector=[high, low]))
    assert shown(moments) == [["b"], ["a"]]
    assert moments[0].score > 0.8
    assert moments[1].weak
    assert moments[0].evidence[0].raw == {"cosine": 0.9}


def test_a_record_found_by_meaning_and_by_words_is_surer_than_by_one_of_them() -> None:
    both = replace(found("both", 0, text="this is the query"), score=0.6)
    meant = replace(found("meant", 100, text="nothing like it"), score=0.6)
    said = replace(found("said", 200, text="this is the query"), score=3.2)
    moments = ask(store(vector=[both, meant], text=[replace(both, score=3.2), said]))
    assert shown(moments) == [["both"], ["said"], ["meant"]]
    assert moments[0].evidence[0].raw == {"cosine": 0.6, "bm25": 3.2}


def test_one_shared_word_does_not_beat_the_picture_that_fits() -> None:
    said = replace(found("said", 0, text="red lorries and a yellow van that nobody sees"), score=0.3)
    fits, other = seen("fits", 0, 0.8), seen("other", 100, 0.1, owner="three")
    moments = ask(store(vector=[said], text=[replace(said, score=9.0)], image=[fits, other]), query="a red circle")
    assert shown(moments)[0] == ["fits"]
    assert [moment.weak for moment in moments] == [False, True, True]


def test_nothing_fits_a_query_that_is_like_nothing() -> None:
    low = [replace(found(str(n), n * 100, text="something else"), score=0.2) for n in range(5)]
    moments = ask(store(vector=low, text=[], image=[seen("seen", 0, 0.05)]))
    assert len(moments) == 6
    assert all(moment.weak for moment in moments)


def test_a_file_whose_name_has_all_words_is_found_by_its_best_record() -> None:
    low = replace(found("low", 0), score=0.1)
    fake = store(vector=[low])
    assert ask(fake)[0].weak
    [moment] = search_moments(fake, "query", floors=FLOORS, named=[asset_id("one")])
    assert not moment.weak
    assert moment.evidence[0].raw == {"cosine": 0.1, "name": 1.0}


def test_ties_are_in_the_order_of_record_ids() -> None:
    hits = [found(name, n * 100, text="same") for n, name in enumerate("dbca")]
    for answers in ({"vector": hits}, {"vector": list(reversed(hits))}):
        assert shown(ask(store(**answers))) == [["a"], ["b"], ["c"], ["d"]]


def test_a_slide_that_is_shown_for_minutes_is_one_moment_with_what_is_said_to_it() -> None:
    slide = seen("slide", 0, 0.9, owner="one", long_s=180)
    said = [replace(found(f"said {n}", n * 60, text="the query"), score=0.9) for n in range(3)]
    after = replace(found("after", 200, text="the query"), score=0.9)
    moments = ask(store(vector=[*said, after], image=[slide]))
    assert sorted(map(len, shown(moments))) == [1, 4]


def test_neighbours_of_one_file_are_one_moment() -> None:
    best, near, beyond = found("best", 10), found("near", 16), found("beyond", 16.001)
    best, near, beyond = (replace(hit, score=0.9 - n / 10) for n, hit in enumerate((best, near, beyond)))
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
    alone, beside = seen("alone", 500, 0.8, owner="one"), seen("beside", 12, 0.795, owner="one")
    fake = store(image=[alone, beside])
    assert shown(ask(fake)) == [["alone"], ["beside"]]
    spoken = [replace(found(f"spoken {n}", 10 + n), score=0.8) for n in range(2)]
    fake.by_vector[TEXT.name] = spoken
    first, second = ask(fake)
    assert shown([first, second]) == [["beside", "spoken 0", "spoken 1"], ["alone"]]
    best, other = first.evidence[0].score, first.evidence[1].score
    assert first.score == pytest.approx(1 - (1 - best) * (1 - 0.1 * other)), "each modality raises it once"


def test_pages_are_moments_of_their_own() -> None:
    def page(record_id: str, number: int) -> ScoredRecord:
        return ScoredRecord(record_id, asset_id("one"), "speech", Row("page", record_id, page=number), 0.5)

    moments = ask(store(vector=[page("a", 1), page("b", 2), page("c", 1)]))
    assert shown(moments) == [["a", "c"], ["b"]]


def test_limit_is_of_moments_and_more_is_asked_for() -> None:
    hits = [found(f"r{n:02d}", n * 100) for n in range(20)]
    fake = store(vector=hits)
    assert shown(ask(fake, limit=2)) == [["r00"], ["r01"]]
    assert {limit for *_, limit in fake.asked} == {30}


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


def test_the_floor_of_an_unknown_model_is_above_what_unrelated_queries_reach(tmp_path: Path) -> None:
    fake = store(vector=[replace(found("a", 0), score=0.75)])
    floors = Floors(tmp_path / "floors.json")
    measured = floors.of(fake, TEXT, FakeEncoder(), "speech")
    assert measured.score(0.75) < 0.5 < measured.score(0.9)
    assert len(fake.asked) == len(unrelated_texts())
    assert Floors(tmp_path / "floors.json").of(fake, TEXT, FakeEncoder(), "speech") == measured, "kept"
    assert len(fake.asked) == len(unrelated_texts())


def test_a_floor_of_cosines() -> None:
    floor = floor_from([0.5, 0.52, 0.55, 0.57, 0.6, 0.6, 0.99])
    assert 0.6 < floor.border < floor.good < 0.99
    assert floor.score(floor.border) == pytest.approx(0.5)
    assert floor.score(floor.good) == pytest.approx(0.95)
    assert floor.score(-1e9) == pytest.approx(0.0)


def test_words() -> None:
    assert words_of("Show me the red Circles, please") == ("red", "circle", "please")
    assert words_of("to be or not") == ("not",)
    assert words_of("the") == ("the",)
    wanted = Wanted("red circle", [("a red circle", ""), ("a red square", ""), ("a red line", "")])
    assert wanted.by_words("a red circle") > wanted.by_words("the circle is red") > 0.5
    assert wanted.by_words("circle") > wanted.by_words("red"), "the rare word tells more"
    assert wanted.by_words("") == 0.0
