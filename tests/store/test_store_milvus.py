"""The contract of a vector store: Milvus Lite, a Milvus server, and the store of another package (examples/)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

import numpy as np
import pytest

from flows.services.shared import vector_store
from medley.errors import SetupError
from medley.models.base import Vectors
from medley.run import StoreAddress
from medley.settings import load_settings
from medley.stores import connect
from medley.stores.base import Collection, RecordBatch, Scope, VectorStore
from medley.stores.connect import open_store
from medley.stores.milvus_schema import record
from medley.types import Row
from tests.conftest import ROOT
from tests.fakes import IMAGE_MODEL, TEXT_MODEL, asset_id, batch, vector_of
from tests.milvus_server import PROGRAM, milvus_server

LANCE = EntryPoint("lance", "lance_store:LanceStore", connect.GROUP)


@pytest.fixture(scope="module", params=["lite", "lance", pytest.param("server", marks=pytest.mark.whole)])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreAddress]:
    """One server for the whole module, of each kind; each test has an asset of its own."""
    with contextlib.ExitStack() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDLEY_HOME", str(tmp_path_factory.mktemp("store")))
        patch.delenv("MEDLEY_STORE__URI", raising=False)
        if request.param == "server":
            if not PROGRAM.exists():  # there is one for Linux on x86-64 only
                pytest.skip("the package milvus is not installed")
            uri = running.enter_context(milvus_server(tmp_path_factory.mktemp("server")))
            patch.setenv("MEDLEY_STORE__URI", uri)
        if request.param == "lance":  # as if its package were installed
            patch.syspath_prepend(ROOT / "examples" / "lance_store")
            patch.setattr(connect, "entry_points", lambda group, name: [LANCE] if name == "lance" else [])
            patch.setenv("MEDLEY_STORE__URI", f"lance://{tmp_path_factory.mktemp('lance')}")
            connect.store_entry.cache_clear()
        yield running.enter_context(vector_store(load_settings()))
    connect.store_entry.cache_clear()


@pytest.fixture
def is_milvus(address: StoreAddress) -> bool:
    """Whether the limits of Milvus are those of the store."""
    return address.uri.startswith("http")


@pytest.fixture
def has_words(address: StoreAddress, is_milvus: bool) -> bool:
    """Whether the backend finds words as well as meanings."""
    return bool(address.lock) or not is_milvus  # Lite; a server of 2.3 does not


@pytest.fixture
def store(address: StoreAddress) -> Iterator[VectorStore]:
    made = open_store(address)
    yield made
    made.close()


@pytest.fixture
def owner(request: pytest.FixtureRequest) -> str:
    """The test's own asset."""
    return asset_id(request.node.name)


def test_a_scheme_that_no_package_has_is_said() -> None:
    with pytest.raises(SetupError, match="no package here has stores for nothing://"):
        open_store(StoreAddress("nothing://there", "nothing"))


def the(store: VectorStore, name: str) -> Collection:
    return next(collection for collection in store.collections() if collection.name == name)


def nearest(store: VectorStore, collection: Collection, vector: Vectors, owner: str) -> list[Any]:
    """What is found of an asset, best first."""
    hits = store.search_vector(collection, vector, Scope(("speech", "frame")), 200)
    return [hit for hit in hits if hit.asset_id == owner]


def texts_of(store: VectorStore, name: str, owner: str) -> set[str]:
    return {hit.row.text for hit in nearest(store, the(store, name), vector_of("any"), owner)}


def test_marks_are_asked_for(store: VectorStore, owner: str) -> None:
    rows = [Row("speech", text, n, n + 1, marks=marks) for n, (text, marks) in enumerate(MARKED.items())]
    given = RecordBatch(owner, "speech", "f", "w1", rows, np.stack([vector_of(text) for text in MARKED]))
    [name] = store.write("text", TEXT_MODEL, [given])
    for wanted, texts in (
        ({"speaker:a:1"}, {"one"}),
        ({"speaker:a:1", "speaker:b:1"}, {"one", "two"}),
        ({"no"}, set()),
    ):
        scope = Scope(("speech",), frozenset([owner]), marks=(frozenset(wanted),))
        found = store.search_vector(the(store, name), vector_of("any"), scope, 10)
        assert {hit.row.text for hit in found} == texts
        assert all(hit.row.marks == MARKED[hit.row.text] for hit in found)


MARKED = {"one": ("speaker:a:1",), "two": ("speaker:b:1", "language:en"), "three": ()}


def test_rows_come_back_as_they_went(store: VectorStore, owner: str) -> None:
    row = Row("speech", 'ünï ‘quoted’ \\ "text" 你好 🙂', 1200, 3400, None, None, "thumb.jpg")
    page = Row("page", "a page", None, None, 3, (1.5, 2.0, 30.25, 40.0), "")
    given = RecordBatch(owner, "speech", "f", "w1", [row, page], np.stack([vector_of("a"), vector_of("b")]))
    [name] = store.write("text", TEXT_MODEL, [given])
    hits = store.search_vector(
        the(store, name),
        vector_of("a"),
        Scope(
            (
                "speech",
                "page",
            )
        ),
        100,
    )
    mine = {hit.row.modality: hit for hit in hits if hit.asset_id == owner}
    assert mine["speech"].row == row
    assert mine["page"].row == page
    assert mine["speech"].branch == "speech"
    assert mine["speech"].score == pytest.approx(1.0, abs=1e-3)


def test_the_last_write_is_all_there_is(store: VectorStore, owner: str) -> None:
    [name] = store.write("text", TEXT_MODEL, [batch(owner, ["one", "two", "three"], "w1")])
    assert store.count(owner, "speech") == 3
    assert store.write("text", TEXT_MODEL, [batch(owner, ["one", "other"], "w2")]) == [name]
    assert store.count(owner, "speech") == 2
    assert texts_of(store, name, owner) == {"one", "other"}


def test_the_same_write_twice_gives_the_same_records(store: VectorStore, owner: str) -> None:
    def ids() -> list[str]:
        return sorted(hit.record_id for hit in nearest(store, the(store, name), vector_of("one"), owner))

    [name] = store.write("text", TEXT_MODEL, [batch(owner, ["one", "two"], "w1")])
    before = ids()
    assert len(set(before)) == 2
    store.write("text", TEXT_MODEL, [batch(owner, ["one", "two"], "w2")])
    assert ids() == before


def test_an_id_follows_from_what_the_record_is_of(owner: str) -> None:
    plain = record(batch(owner, ["one"]), 0, TEXT_MODEL)["id"]
    assert plain == record(batch(owner, ["another text"], "w9"), 0, TEXT_MODEL)["id"]
    others = [
        record(batch(asset_id("else"), ["one"]), 0, TEXT_MODEL),
        record(batch(owner, ["one"], branch="frames"), 0, TEXT_MODEL),
        record(batch(owner, ["one"]), 0, IMAGE_MODEL),
        record(batch(owner, ["x", "one"]), 1, TEXT_MODEL),
    ]
    assert len({plain, *(other["id"] for other in others)}) == 5


def test_a_write_leaves_other_assets_and_branches_alone(store: VectorStore, owner: str) -> None:
    other = asset_id(f"{owner} other")
    store.write("text", TEXT_MODEL, [batch(other, ["theirs"])])
    store.write("image", IMAGE_MODEL, [batch(owner, ["seen"], branch="frames")])
    store.write("text", TEXT_MODEL, [batch(owner, ["mine"], "w2")])
    assert [store.count(other, "speech"), store.count(owner, "frames"), store.count(owner, "speech")] == [1, 1, 1]


def test_delete_takes_a_branch_or_all(store: VectorStore, owner: str) -> None:
    other = asset_id(f"{owner} other")
    for asset in (owner, other):
        store.write("text", TEXT_MODEL, [batch(asset, ["said", "more"])])
        store.write("image", IMAGE_MODEL, [batch(asset, ["seen"], branch="frames")])
    store.delete(owner, "speech")
    assert [store.count(owner, "speech"), store.count(owner, "frames")] == [0, 1]
    store.delete(owner)
    assert [store.count(owner, "frames"), store.count(other, "speech"), store.count(other, "frames")] == [0, 2, 1]
    store.delete(owner)


def test_an_empty_batch_empties_the_branch(store: VectorStore, owner: str) -> None:
    assert store.write("text", TEXT_MODEL, [batch(owner, [])]) == []
    store.write("text", TEXT_MODEL, [batch(owner, ["one"], "w2")])
    assert store.write("text", TEXT_MODEL, [batch(owner, [], "w3")]) == []
    assert store.count(owner, "speech") == 0


def test_meaning_and_words_find_the_right_row(store: VectorStore, owner: str, has_words: bool) -> None:
    texts = ["the heron waits by the river", "a machine for weaving cloth", f"the word w{owner[:12]} is rare"]
    [name] = store.write("text", TEXT_MODEL, [batch(owner, texts)])
    collection = the(store, name)
    assert nearest(store, collection, vector_of(texts[1]), owner)[0].row.text == texts[1]
    hits = store.search_text(collection, f"W{owner[:12]}!", Scope(("speech",)), 5)
    assert [hit.row.text for hit in hits] == ([texts[2]] if has_words else [])
    assert all(hit.score > 0 for hit in hits)
    assert store.search_text(collection, "nosuchwordanywhere", Scope(("speech",)), 5) == []


@pytest.mark.parametrize("query", ["", "   ", "the", '\'; drop "x" \\', "你好", "a" * 70_000])
def test_any_query_is_borne(store: VectorStore, owner: str, query: str) -> None:
    [name] = store.write("text", TEXT_MODEL, [batch(owner, ["plain"])])
    assert [
        hit for hit in store.search_text(the(store, name), query, Scope(("speech",)), 5) if hit.asset_id == owner
    ] == []


def test_modalities_and_limit_are_kept_to(store: VectorStore, owner: str) -> None:
    [name] = store.write("text", TEXT_MODEL, [batch(owner, ["one", "two", "three"])])
    collection = the(store, name)
    assert store.search_vector(collection, vector_of("one"), Scope(("ocr",)), 5) == []
    assert (
        store.search_text(
            collection,
            "three",
            Scope(
                (
                    "ocr",
                    "caption",
                )
            ),
            5,
        )
        == []
    )
    assert len(store.search_vector(collection, vector_of("one"), Scope(("speech",)), 2)) == 2


def test_the_same_search_gives_the_same_order_best_first(store: VectorStore, owner: str) -> None:
    [name] = store.write("text", TEXT_MODEL, [batch(owner, [f"text {n}" for n in range(30)])])
    hits = [store.search_vector(the(store, name), vector_of("text 7"), Scope(("speech",)), 10) for _ in range(2)]
    assert hits[0] == hits[1]
    scores = [hit.score for hit in hits[0]]
    assert scores == sorted(scores, reverse=True)
    assert hits[0][0].row.text == "text 7"


def test_long_texts_are_cut_at_a_character(store: VectorStore, owner: str, is_milvus: bool) -> None:
    long = "ab" + "€" * 30_000  # 3 bytes each: the limit falls within one
    [name] = store.write("text", TEXT_MODEL, [batch(owner, [long, "🙂" * 20_000, "short"])])
    back = texts_of(store, name, owner)
    if not is_milvus:
        assert back == {long, "🙂" * 20_000, "short"}
        return
    assert back == {"ab" + "€" * 21_844, "🙂" * 16_383, "short"}
    assert max(len(text.encode()) for text in back) <= 65_535


def test_many_rows_in_one_write(store: VectorStore, owner: str) -> None:
    model = replace(TEXT_MODEL, id="fake/many")  # a collection of their own: elsewhere they would crowd others out
    store.write("text", model, [batch(owner, [f"row {n}" for n in range(1500)])])
    assert store.count(owner, "speech") == 1500
    store.write("text", model, [batch(owner, [f"row {n}" for n in range(1001)], "w2")])
    assert store.count(owner, "speech") == 1001


def test_two_embedding_spaces_side_by_side(store: VectorStore, owner: str) -> None:
    wide = replace(TEXT_MODEL, id="fake/wide", compute_type="int8", chunk_length_s=10)
    [old] = store.write("text", TEXT_MODEL, [batch(owner, ["one", "two"])])
    given = replace(batch(owner, ["one"], "w2"), vectors=np.ones((1, 16), np.float32))
    [new] = store.write("text", wide, [given])
    assert old != new
    assert {the(store, name).space for name in (old, new)} == {"text"}
    assert (the(store, old).model, the(store, new).model) == (TEXT_MODEL, wide)
    assert (texts_of(store, old, owner), store.count(owner, "speech")) == (set(), 1), "the old space's rows are stale"
    assert store.search_vector(the(store, new), np.ones(16, np.float32), Scope(("speech",)), 5)[0].asset_id == owner


def test_a_space_without_records_goes(store: VectorStore, owner: str) -> None:
    first, second = (replace(IMAGE_MODEL, id=f"fake/{owner[:8]}/{n}") for n in range(2))
    [old] = store.write("image", first, [batch(owner, ["seen"], branch="frames")])
    assert old in {collection.name for collection in store.collections()}
    [new] = store.write("image", second, [batch(owner, ["seen"], "w2", branch="frames")])
    names = {collection.name for collection in store.collections()}
    assert (old in names, new in names) == (False, True)


def test_another_connection_sees_it(store: VectorStore, address: StoreAddress, owner: str) -> None:
    store.write("image", IMAGE_MODEL, [batch(owner, ["seen"], branch="frames")])
    other = open_store(address)
    assert other.count(owner, "frames") == 1
    assert IMAGE_MODEL in [collection.model for collection in other.collections() if collection.space == "image"]
    other.close()


def test_a_space_is_what_it_was_made_as_whatever_its_name(
    store: VectorStore, owner: str, is_milvus: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_milvus:
        pytest.skip("of names of Milvus collections")
    model = replace(IMAGE_MODEL, id=f"fake/{owner[:8]}/named")
    monkeypatch.setattr(type(store), "_name_of", staticmethod(lambda space, model: f"text_{model.fingerprint}"))
    [name] = store.write("image", model, [batch(owner, ["seen"], branch="frames")])
    assert (name.startswith("text_"), the(store, name).space) == (True, "image")
