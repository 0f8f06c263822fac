"""An index that accounts for itself: what was tampered with is found, and mended by the least."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flows.services.shared import vector_store
from medley.settings import Settings
from medley.stores.connect import open_store
from medley.stores.milvus import MilvusStore
from tests import documents
from tests.conftest import Medley

Row = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    said = ("Whales are mammals", "The budget of the harbour", "Glaciers melt")
    documents.pdf(folder / "page.pdf", *(documents.text((72, 100, words)) for words in said))
    Image.effect_noise((96, 64), 60).convert("RGB").save(folder / "noise.jpg")
    return folder


def change(settings: Settings, how: Callable[[MilvusStore, str, Row], object]) -> None:
    """Does something to a row of the store, behind everybody's back."""
    with vector_store(settings) as address, closing(open_store(address)) as store:
        assert isinstance(store, MilvusStore)
        name = next(known.name for known in store.collections() if known.space == "text")
        rows = store._client.query(name, filter='branch == "pages"', output_fields=["*"])
        row = {key: value for key, value in rows[0].items() if key != "sparse"}
        how(store, name, row)
        store._client.flush(name)


def put(**changes: Any) -> Callable[[MilvusStore, str, Row], object]:
    return lambda store, name, row: store._client.upsert(name, [row | changes])


STORE: dict[str, tuple[Callable[[MilvusStore, str, Row], object], str]] = {
    "lost": (lambda store, name, row: store._client.delete(name, filter=f'id == "{row["id"]}"'), "2 records of pages"),
    "doubled": (put(id="f" * 40), "4 records of pages"),
    "of an older write": (put(write_id="0" * 32), "not what was written"),
    "another text": (put(text="Whales are fish"), "not what was written"),
    "another vector": (put(vector=[0.05] * 384), "not what was written"),
    "of no asset": (put(id="e" * 40, asset_id="d" * 64), "that no stage has written"),
}


@pytest.mark.parametrize("name", STORE)
def test_rows_of_the_store(medley: Medley, folder: Path, settings: Settings, name: str) -> None:
    how, told = STORE[name]
    assert medley("pdf", folder / "page.pdf").code == 0
    assert medley("verify").code == 0
    change(settings, how)
    found = medley("verify", "--json")
    assert found.code == 1
    [fault] = found.report["faults"]
    assert told in fault["what"]
    mended = medley("verify", "--repair", "--json")
    assert (mended.code, mended.report["faults"], len(mended.report["mended"])) == (0, [], 1)
    assert medley("verify").code == 0


def damage(settings: Settings, rng: random.Random) -> None:
    """A bit of one file, a manifest, a file, and rows of the catalog."""
    made = {path.parent.parent.name: path for path in settings.artifact_root.glob("*/*/*/*/manifest.json")}
    passages = made["chunk"].with_name("passages.json")
    content = bytearray(passages.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    passages.write_bytes(content)
    made["write_pages"].unlink()
    next(path for path in made["load_images"].parent.iterdir() if path.suffix == ".jpg").unlink()
    with closing(sqlite3.connect(settings.home / "catalog.db")) as catalog:
        [path] = catalog.execute("SELECT path FROM locations WHERE path LIKE '%noise.jpg'").fetchone()
        catalog.execute("DELETE FROM locations WHERE path = ?", [path])
        catalog.execute("UPDATE runs SET status = 'running', pid = 999999, pid_started = 1")
        catalog.commit()


def test_artifacts_catalog_and_runs(medley: Medley, folder: Path, settings: Settings) -> None:
    assert medley("ingest", folder).code == 0
    damage(settings, random.Random(5))
    found = medley("verify", "--json")
    assert found.code == 1
    kinds = sorted(fault["kind"] for fault in found.report["faults"])
    assert set(kinds) == {"artifact", "run", "unknown"}
    assert kinds.count("artifact") == 3
    mended = medley("verify", "--repair", "--json")
    assert (mended.code, mended.report["faults"]) == (0, [])
    assert medley("verify").code == 0
    assert all(item["status"] == "unchanged" for item in medley("ingest", folder, "--json").report["items"])


def test_one_file(medley: Medley, folder: Path) -> None:
    page = folder / "page.pdf"
    assert medley("pdf", page).code == 0
    assert "1 files" in medley("verify", page).out
    missing = medley("verify", folder / "other.pdf")
    assert (missing.code, missing.out) == (2, "")
    assert "is not in the index" in missing.err
    assert json.loads(medley("verify", page, "--json").out)["faults"] == []
