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
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.services.shared import vector_store
from flows.verify import verify_index
from medley.settings import Settings
from medley.stores.connect import open_store
from medley.stores.milvus import MilvusStore
from tests import documents
from tests.conftest import Medley

Row = dict[str, Any]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    said = ("Whales are mammals", "The budget of the harbour", "Glaciers melt")
    return documents.pdf(tmp_path / "page.pdf", *(documents.text((72, 100, words)) for words in said))


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


def test_rows_of_the_store(medley: Medley, page: Path, settings: Settings) -> None:
    assert medley("pdf", page).code == 0
    assert medley("verify").code == 0
    for name, (how, told) in STORE.items():
        change(settings, how)
        found = medley("verify", "--json")
        assert found.code == 1, name
        [fault] = found.report["faults"]
        assert told in fault["what"], name
        mended = medley("verify", "--repair", "--json")
        assert (mended.code, mended.report["faults"], len(mended.report["mended"])) == (0, [], 1), name
    assert medley("verify").code == 0


def damage(settings: Settings, rng: random.Random) -> None:
    """A bit of one file, a manifest, a file, and rows of the catalog."""
    made = {path.parent.parent.name: path for path in settings.artifact_root.glob("*/*/*/*/manifest.json")}
    passages = made["chunk"].with_name("passages.json")
    content = bytearray(passages.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    passages.write_bytes(content)
    made["write_pages"].unlink()
    made["parse"].with_name("pages.jsonl").unlink()
    with closing(sqlite3.connect(settings.home / "catalog.db")) as catalog:
        catalog.execute("DELETE FROM locations")
        catalog.execute("UPDATE runs SET status = 'running', pid = 999999, pid_started = 1")
        catalog.commit()


def test_artifacts_catalog_and_runs(medley: Medley, page: Path, settings: Settings) -> None:
    """What needs no model: a repair is a run in a process of its own."""
    assert medley("pdf", page).code == 0
    damage(settings, random.Random(5))
    found = medley("verify", "--json")
    assert found.code == 1
    kinds = sorted(fault["kind"] for fault in found.report["faults"])
    assert set(kinds) == {"artifact", "run", "unknown"}
    assert kinds.count("artifact") == 3
    mended = medley("verify", "--repair", "--json")
    assert (mended.code, mended.report["faults"]) == (0, [])
    assert medley("verify").code == 0
    assert [item["status"] for item in medley("pdf", page, "--json").report["items"]] == ["unchanged"]


def test_one_fault_hides_no_other(medley: Medley, page: Path, settings: Settings) -> None:
    assert medley("pdf", page).code == 0
    [passages] = settings.artifact_root.glob("*/*/chunk/*/passages.json")
    passages.write_text("[]")
    change(settings, put(text="Whales are fish"))
    kinds = sorted(fault["kind"] for fault in medley("verify", "--json").report["faults"])
    assert kinds == ["artifact", "records"]
    assert medley("verify", "--repair").code == 0


def test_rows_whose_note_is_torn_are_not_taken_for_leftovers(medley: Medley, page: Path, settings: Settings) -> None:
    assert medley("pdf", page).code == 0
    [note] = settings.artifact_root.glob("*/*/write_pages/*/manifest.json")
    note.write_text(note.read_text()[:40])
    with closing(sqlite3.connect(settings.home / "catalog.db")) as catalog:
        catalog.execute("DELETE FROM stages")
        catalog.commit()
    faults = medley("verify", "--json").report["faults"]
    assert [(fault["kind"], fault["mend"]) for fault in faults] == [("artifact", "run")]
    assert medley("verify", "--repair").code == 0
    assert medley("search", "whales", "--json").report["hits"][0]["text"] == "Whales are mammals"


def test_the_flow_of_every_night(medley: Medley, page: Path, settings: Settings, prefect_url: str) -> None:
    assert medley("pdf", page).code == 0
    change(settings, put(text="Whales are fish"))
    with temporary_settings({PREFECT_API_URL: prefect_url}):
        found, mended, again = [verify_index(repair=repair, return_state=True) for repair in (False, True, False)]
    assert found.is_failed()
    assert found.message.startswith("1 faults, 0 mended, of 1 files, ")
    assert mended.message.startswith("1 faults are mended, all agree: ")
    assert again.is_completed()


def test_one_file(medley: Medley, page: Path) -> None:
    assert medley("pdf", page).code == 0
    assert "1 files" in medley("verify", page).out
    missing = medley("verify", page.with_name("other.pdf"))
    assert (missing.code, missing.out) == (2, "")
    assert "is not in the index" in missing.err
    assert json.loads(medley("verify", page, "--json").out)["faults"] == []
