"""Filters by what files say of themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from flows.serve.request import SearchRequest
from medley.catalog import Catalog, open_catalog
from medley.catalog.upsert import UPSERT_ASSET
from medley.settings import load_settings

TOLD = {
    "a": "camera: NIKON D750\ndate: 2024-05-01T12:30:00\nplace: 48.85837, 2.29448",
    "b": "camera: Canon EOS R5\ndate: 2024-06-01\nplace: -33.85678, 151.21530",
    "c": "artist: Nikon Choir\ndate: 1999\ntitle: camera: none",
    "d": "",
}


@pytest.fixture
def catalog(home: Path) -> Catalog:
    """Four assets that say of themselves what TOLD says."""
    found = open_catalog(load_settings())
    with found.engine.begin() as connection:
        for name, about in TOLD.items():
            row = {"asset_id": name * 64, "size_bytes": 1, "media": None, "created": "2026", "about": about}
            connection.execute(UPSERT_ASSET, row)
    return found


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"where": ("camera=nikon",)}, "a"),
        ({"where": ("artist=nikon",)}, "c"),
        ({"where": ("camera=n",)}, "ab"),
        ({"where": ("camera=n", "artist=n")}, ""),
        ({"dated_since": "2024-05-01"}, "ab"),
        ({"dated_since": "2024-05-01T13:00:00"}, "b"),
        ({"dated_until": "2024-05-01"}, "c"),
        ({"dated_since": "2024-01-01", "dated_until": "2024-06-01"}, "a"),
        ({"near": "48.86,2.29"}, "a"),
        ({"near": "48.95,2.29,5"}, ""),
        ({"near": "48.95,2.29,20"}, "a"),
        ({"near": "-33.9,151.2,10"}, "b"),
        ({"near": "0,0,30000"}, "ab"),
        ({"near": "0,0,30000", "where": ("camera=canon",)}, "b"),
    ],
)
def test_what_is_left(catalog: Catalog, asked: dict[str, object], expected: str) -> None:
    scope = SearchRequest(query="x", **asked).scope(catalog)  # type: ignore[arg-type]
    assert scope.asset_ids == frozenset(name * 64 for name in expected)


@pytest.mark.parametrize(
    "wrong", [{"near": "here"}, {"near": "1"}, {"where": ("nikon",)}, {"dated_since": "soon"}, {"near": "1,2,3,4"}]
)
def test_what_is_no_condition(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SearchRequest(query="x", **wrong)  # type: ignore[arg-type]
