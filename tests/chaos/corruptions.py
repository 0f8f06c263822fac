"""Seeded damage to what Medley keeps, behind its back: one kind for each way in which disks, people and kills do it."""

from __future__ import annotations

import random
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medley.artifacts import MANIFEST
from medley.run import StoreAddress
from medley.settings import Settings
from medley.stores.connect import open_store

Row = dict[str, Any]
RUN = "run"  #: what a fault of no asset is called


@dataclass(frozen=True)
class Home:
    """What is damaged: artifacts and catalog of a home, rows of a store."""

    settings: Settings
    store: StoreAddress

    def rows(self) -> list[tuple[str, Row]]:
        """All rows of the store, each with the name of its collection."""
        with closing(open_store(self.store)) as store:
            client: Any = store._client  # type: ignore[attr-defined]
            found = []
            for name in [collection.name for collection in store.collections()]:
                client.load_collection(name)
                wanted = {"filter": 'id != ""', "output_fields": ["*"], "consistency_level": "Strong"}
                found += [
                    (name, {k: v for k, v in row.items() if k != "sparse"}) for row in client.query(name, **wanted)
                ]
        return sorted(found, key=lambda one: (one[0], str(one[1]["id"])))

    def in_store(self, name: str, change: Callable[[Any], object]) -> None:
        """Changes something with a client of Milvus, and has it kept."""
        with closing(open_store(self.store)) as store:
            client: Any = store._client  # type: ignore[attr-defined]
            change(client)
            client.flush(name)

    def in_catalog(self, statement: str, *values: object) -> None:
        """Changes something with SQL."""
        with closing(sqlite3.connect(self.settings.home / "catalog.db", timeout=30)) as catalog:
            catalog.execute(statement, values)
            catalog.commit()

    def manifests(self, asset_id: str) -> list[Path]:
        """Those of an asset."""
        return sorted(self.settings.artifact_root.glob(f"*/{asset_id}/*/*/{MANIFEST}"))

    def files(self, asset_id: str) -> list[Path]:
        """What its stages made, but for the manifests; nothing that is empty."""
        made = (path for manifest in self.manifests(asset_id) for path in manifest.parent.iterdir())
        return sorted(path for path in made if path.name != MANIFEST and path.is_file() and path.stat().st_size)


@dataclass(frozen=True)
class _Victim:
    """An asset to damage."""

    home: Home
    asset_id: str
    rng: random.Random

    def put(self, **changes: Any) -> None:
        """Writes one of its rows with something else in it."""
        name, row = self.row()
        self.home.in_store(name, lambda client: client.upsert(name, [row | changes]))

    def row(self) -> tuple[str, Row]:
        return self.rng.choice([one for one in self.home.rows() if one[1]["asset_id"] == self.asset_id])

    def any_id(self) -> str:
        return f"{self.rng.getrandbits(160):040x}"


def _row_lost(it: _Victim) -> None:
    name, row = it.row()
    it.home.in_store(name, lambda client: client.delete(name, filter=f'id == "{row["id"]}"'))


def _vector_changed(it: _Victim) -> None:
    name, row = it.row()
    vector = list(row["vector"])
    vector[it.rng.randrange(len(vector))] += 0.01
    it.home.in_store(name, lambda client: client.upsert(name, [row | {"vector": vector}]))


def _bit_flipped(it: _Victim) -> None:
    path = it.rng.choice(it.home.files(it.asset_id))
    content = bytearray(path.read_bytes())
    content[it.rng.randrange(len(content))] ^= 1 << it.rng.randrange(8)
    path.write_bytes(content)


def _torn(it: _Victim, paths: list[Path]) -> None:
    path = it.rng.choice(paths)
    path.write_bytes(path.read_bytes()[: it.rng.randrange(path.stat().st_size)])


def _catalog_row_lost(it: _Victim, table: str) -> None:
    it.home.in_catalog(f"DELETE FROM {table} WHERE asset_id = ?", it.asset_id)


def _left_running(it: _Victim) -> None:
    columns = "run_id, flow, status, profile, host, pid, pid_started, prefect_open, started, seen"
    values = "?, flow, 'running', profile, host, 999999, 1, 0, started, 0"
    run_id = str(uuid.UUID(int=it.rng.getrandbits(128)))
    it.home.in_catalog(f"INSERT INTO runs ({columns}) SELECT {values} FROM runs LIMIT 1", run_id)


KINDS: dict[str, Callable[[_Victim], None]] = {
    "row lost": _row_lost,
    "row doubled": lambda it: it.put(id=it.any_id()),
    "row of an older write": lambda it: it.put(write_id="0" * 32),
    "row of other options": lambda it: it.put(fingerprint="0" * 32),
    "text changed": lambda it: it.put(text=f"changed {it.rng.random()}"),
    "vector changed": _vector_changed,
    "time changed": lambda it: it.put(start_ms=it.rng.randrange(1 << 30, 1 << 31)),
    "bit flipped": _bit_flipped,
    "file torn": lambda it: _torn(it, it.home.files(it.asset_id)),
    "file lost": lambda it: it.rng.choice(it.home.files(it.asset_id)).unlink(),
    "manifest torn": lambda it: _torn(it, it.home.manifests(it.asset_id)),
    "manifest lost": lambda it: it.rng.choice(it.home.manifests(it.asset_id)).unlink(),
    "path lost": lambda it: _catalog_row_lost(it, "locations"),
    "outcome lost": lambda it: _catalog_row_lost(it, "outcomes"),
    "run left running": _left_running,
}


def corrupt(home: Home, kind: str, asset_id: str, rng: random.Random) -> str:
    """Does one damage. Returns where it is to be found: the id of the asset, or `RUN`."""
    KINDS[kind](_Victim(home, asset_id, rng))
    return RUN if kind == "run left running" else asset_id
