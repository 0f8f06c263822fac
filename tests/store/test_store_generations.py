"""Generations in a vector store: the contract of every backend, beside test_store_milvus.py."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from medley.run import StoreAddress
from medley.stores.base import Scope
from medley.stores.connect import open_store
from tests.fakes import TEXT_MODEL, asset_id, batch, vector_of
from tests.store.test_store_milvus import address  # noqa: F401  # a fixture


def test_generations_do_not_see_each_other(address: StoreAddress) -> None:  # noqa: F811
    owner, model = asset_id("generations"), replace(TEXT_MODEL, id="fake/generations")
    with closing(open_store(address)) as first, closing(open_store(replace(address, generation="2"))) as second:
        first.write("text", model, [batch(owner, ["as it was"])])
        assert second.collections() == []
        second.write("text", model, [batch(owner, ["as it is now", "and more"])])
        assert (first.count(owner), second.count(owner)) == (1, 2)
        [there] = second.collections()
        found = second.search_vector(there, vector_of("any"), Scope(), 5)
        assert {hit.row.text for hit in found} == {"as it is now", "and more"}
        assert [hit.row.text for hit in second.search_text(there, "now", Scope(), 5)] in (["as it is now"], [])
        first.write("text", model, [batch(owner, [], "w2")])
        assert (first.count(owner), second.count(owner)) == (0, 2), "a write touches its own generation"
        first.write("text", model, [batch(owner, ["again"], "w3")])
        second.drop()
        assert second.collections() == []
        assert first.count(owner) == 1
        first.delete(owner)


def test_only_some_branches_of_an_asset_stay(address: StoreAddress) -> None:  # noqa: F811
    mine, other, model = asset_id("retained"), asset_id("untouched"), replace(TEXT_MODEL, id="fake/retained")
    with closing(open_store(address)) as store:
        for owner in (mine, other):
            for branch in ("speech", "frames", "captions"):
                store.write("text", model, [replace(batch(owner, [f"{branch} of it"]), branch=branch)])
        store.retain([mine], {"speech", "frames"})
        assert [store.count(mine, branch) for branch in ("speech", "frames", "captions")] == [1, 1, 0]
        store.retain([mine], [])
        assert (store.count(mine), store.count(other)) == (0, 3)
        store.delete(other)
