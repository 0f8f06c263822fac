"""Prices of stages, from a catalog's history."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from medley.catalog import Catalog, open_catalog
from medley.catalog.upsert import UPSERT_ASSET
from medley.pricing import Price, Prices
from medley.settings import load_settings
from medley.types import Asset, MediaInfo


def asset(duration_s: float = 0.0, size_bytes: int = 1000) -> Asset:
    asset_id = hashlib.sha256(f"{duration_s} {size_bytes}".encode()).hexdigest()
    return Asset(asset_id, "/a", size_bytes, MediaInfo("mov", "video/mp4", duration_s=duration_s))


@pytest.fixture
def catalog(home: Path) -> Catalog:
    return open_catalog(load_settings())


def ran(catalog: Catalog, flow: str, stage: str, done: Sequence[tuple[Asset, float]], fingerprint: str = "f") -> None:
    """As if a run had taken that many seconds for each asset."""
    run_id = hashlib.sha256(f"{flow} {stage} {fingerprint}".encode()).hexdigest()[:36]
    catalog.begin_run(run_id, flow, "demo")
    for one, seconds in done:
        row = {"asset_id": one.asset_id, "size_bytes": one.size_bytes, "media": asdict(one.media), "created": "2026"}
        with catalog.engine.begin() as connection:
            connection.execute(UPSERT_ASSET, {**row, "about": ""})
        stage_row = {"run_id": run_id, "asset_id": one.asset_id, "stage": stage, "fingerprint": fingerprint}
        catalog.record_stages(
            [{**stage_row, "state": "completed", "started": "2026", "seconds": seconds, "attempts": 1}]
        )


def test_a_video_costs_by_its_length(catalog: Catalog) -> None:
    ran(catalog, "video", "transcribe", [(asset(length), 0.5 * length) for length in (10, 20, 40, 80, 160)])
    price = Prices(catalog.engine).of("video", "transcribe", "f", asset(60))
    assert price
    assert (price.low, price.likely, price.high) == pytest.approx((30, 30, 30))


def test_what_is_near_in_size_counts(catalog: Catalog) -> None:
    small = [(asset(0.0, 1000 + n), 0.5) for n in range(20)]
    large = [(asset(0.0, 10_000_000 + n), 20.0) for n in range(20)]
    ran(catalog, "image", "load_images", [*small, *large])
    prices = Prices(catalog.engine)
    for size, seconds in ((1010, 0.5), (10_000_000, 20.0)):
        price = prices.of("image", "load_images", "f", asset(0.0, size))
        assert price
        assert price.likely == pytest.approx(seconds, rel=0.05)


def test_other_models_and_pipelines_count_only_where_nothing_else_is_known(catalog: Catalog) -> None:
    ran(catalog, "video", "embed_text", [(asset(length), 9.0 * length) for length in (10, 20, 30)], "old")
    ran(catalog, "pdf", "embed_text", [(asset(10.5), 100.0)], "f")
    prices = Prices(catalog.engine)
    first = prices.of("video", "embed_text", "f", asset(10))
    assert first
    assert first.likely == pytest.approx(90)
    ran(catalog, "video", "embed_text", [(asset(length), 1.0 * length) for length in (11, 21, 31)], "f")
    second = Prices(catalog.engine).of("video", "embed_text", "f", asset(10))
    assert second
    assert second.likely == pytest.approx(10)
    assert prices.of("video", "transcribe", "f", asset(10)) is None


def test_a_sum_of_many_prices_is_what_many_files_take(catalog: Catalog) -> None:
    """Most are quick, some are not, and one stood still while a model was loaded."""
    times = [1.0] * 10 + [3.0] * 4 + [90.0]
    ran(catalog, "image", "load_images", [(asset(0.0, 1000 + n), seconds) for n, seconds in enumerate(times)])
    price = Prices(catalog.engine).of("image", "load_images", "f", asset(0.0, 1007))
    assert price
    assert price.likely == pytest.approx(22 / 14, rel=0.02)
    assert price.low < price.likely < price.high


def test_prices_add_up() -> None:
    assert Price(1, 2, 3) + Price(1, 1, 1) == Price(2, 3, 4)
