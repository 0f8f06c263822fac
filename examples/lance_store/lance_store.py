"""A vector store of another package: Medley's records in LanceDB, a directory that every process opens for itself.

MEDLEY_STORE__URI=lance:///absolute/path
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import FTS
from lancedb.query import MatchQuery
from lancedb.table import LanceTable

from medley.errors import StoreUnavailable
from medley.models.base import ModelSpec, Vectors, spec_from_json
from medley.run import StoreAddress
from medley.stores.base import Collection, RecordBatch, Scope, ScoredRecord, Space, StoredRecord, record_id
from medley.types import Branch, Row

_FIELDS = [pa.field(name, pa.string()) for name in ("id", "asset_id", "branch", "modality", "text", "thumbnail")]
_FIELDS += [pa.field(name, pa.int64()) for name in ("start_ms", "end_ms", "page")]
_FIELDS += [
    pa.field("box", pa.list_(pa.float64())),
    *(pa.field(name, pa.string()) for name in ("write_id", "fingerprint")),
]
_FIELDS += [pa.field("marks", pa.list_(pa.string()))]


class LanceStore:
    """A `medley.stores.base.VectorStore`: a table for each embedding space, its model in the table's schema."""

    def __init__(self, address: StoreAddress) -> None:
        root = Path(address.uri.removeprefix("lance://"))
        self._root = root / f"generation-{address.generation}" if address.generation else root
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            self._db = lancedb.connect(self._root)
        except OSError as error:
            raise StoreUnavailable(f"{self._root}: {error}", remedy="Give a directory to write to") from error

    def write(self, space: Space, model: ModelSpec, batches: Sequence[RecordBatch]) -> list[str]:
        """Upserts the records, then deletes what older writes have left of those assets and their branch."""
        name = f"{space}_{model.fingerprint}"
        rows = [_record(batch, n, model) for batch in batches for n in range(len(batch.rows))]
        ids = ", ".join(f"'{batch.asset_id}'" for batch in batches)
        older = f"branch = '{batches[0].branch}' AND asset_id IN ({ids}) AND write_id != '{batches[0].write_id}'"
        with self._turn():
            if rows:
                table = self._table(name, space, model, len(rows[0]["vector"]))
                table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(rows)
            for collection in self.collections():
                if collection.space == space:
                    table = self._open(collection.name)
                    table.delete(older)
                    if collection.name != name and not table.count_rows():
                        self._db.drop_table(collection.name)  # another model's, in which nothing is left
        return [name] if rows else []

    def delete(self, asset_id: str, branch: Branch | None = None) -> None:
        """Removes the records of an asset (of one branch)."""
        with self._turn():
            for collection in self.collections():
                self._open(collection.name).delete(_of(asset_id, branch))

    def retain(self, asset_ids: Sequence[str], branches: Iterable[Branch]) -> None:
        """Removes the records of assets that are of no such branch."""
        with self._turn():
            for collection in self.collections():
                for asset_id in asset_ids:
                    others = "".join(f" AND branch != '{branch}'" for branch in branches)
                    self._open(collection.name).delete(_of(asset_id, None) + others)

    def collections(self) -> list[Collection]:
        """All embedding spaces that exist."""
        found = []
        for name in sorted(self._names()):
            known = self._open(name).schema.metadata or {}
            found.append(Collection(name, known[b"space"].decode(), spec_from_json(known[b"model"].decode())))
        return found

    def fetch(self, collection: Collection, record_id: str) -> tuple[ScoredRecord, Vectors] | None:
        """A record and its vector; None where it is not there."""
        found = self._open(collection.name).search().where(f"id = '{record_id}'").to_list()
        return (_found(found[0], 1.0), np.asarray(found[0]["vector"], np.float32)) if found else None

    def search_vector(self, collection: Collection, vector: Vectors, scope: Scope, limit: int) -> list[ScoredRecord]:
        """Nearest records by cosine."""
        query = self._open(collection.name).search(vector).distance_type("cosine")
        return [_found(row, 1.0 - row["_distance"]) for row in _within(query, scope, limit)]

    def search_text(self, collection: Collection, query: str, scope: Scope, limit: int) -> list[ScoredRecord]:
        """Best records by BM25."""
        search = self._open(collection.name).search(MatchQuery(query, "text"), query_type="fts")
        return [_found(row, row["_score"]) for row in _within(search, scope, limit)]

    def count(self, asset_id: str, branch: Branch | None = None) -> int:
        """Records of an asset (of one branch), over all spaces."""
        return sum(self._open(collection.name).count_rows(_of(asset_id, branch)) for collection in self.collections())

    def count_marked(self, mark: str) -> int:
        """Records with a mark, over all spaces."""
        wanted = f"array_has_any(marks, ['{mark}'])"
        return sum(self._open(collection.name).count_rows(wanted) for collection in self.collections())

    def rows(self, collection: Collection) -> Iterator[StoredRecord]:
        """All records of a space: `medley verify` compares them."""
        for batch in self._open(collection.name).search().to_batches(1000):
            yield from map(_stored, batch.to_pylist())

    def drop(self) -> None:
        """Removes all embedding spaces."""
        with self._turn():
            for name in self._names():
                self._db.drop_table(name)

    def close(self) -> None:
        """Nothing is held open."""

    def _names(self) -> list[str]:
        return [path.stem for path in self._root.glob("*.lance")]

    def _open(self, name: str) -> LanceTable:
        return self._db.open_table(name)

    def _table(self, name: str, space: Space, model: ModelSpec, dim: int) -> LanceTable:
        if name in self._names():
            return self._open(name)
        known = {"space": space, "model": model.to_json()}
        schema = pa.schema([*_FIELDS, pa.field("vector", pa.list_(pa.float32(), dim))], metadata=known)
        table = self._db.create_table(name, schema=schema)
        table.create_index("text", config=FTS(stem=False))
        return table

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One writer at a time: LanceDB would refuse the second one."""
        with (self._root / "write.lock").open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield


def _of(asset_id: str, branch: Branch | None) -> str:
    return f"asset_id = '{asset_id}'" + (f" AND branch = '{branch}'" if branch else "")


def _within(query: Any, scope: Scope, limit: int) -> list[dict[str, Any]]:
    """What the query finds in the scope; the values are hex ids, numbers and names of modalities."""
    parts = [] if scope.page is None else [f"page = {scope.page}"]
    for field, values in (("modality", scope.modalities), ("asset_id", scope.asset_ids)):
        if values is not None:
            parts.append(f"{field} IN ({', '.join(json.dumps(value).replace(chr(34), chr(39)) for value in values)})")
    for marks in scope.marks:
        wanted = ", ".join(f"'{mark}'" for mark in sorted(marks))
        parts.append(f"array_has_any(marks, [{wanted}])")
    query = query.where(" AND ".join(parts), prefilter=True) if parts else query
    found: list[dict[str, Any]] = query.limit(limit).to_list()
    return found


def _record(batch: RecordBatch, n: int, model: ModelSpec) -> dict[str, Any]:
    row = batch.rows[n]
    kept = ("modality", "text", "thumbnail", "start_ms", "end_ms", "page", "box", "marks")
    place = {"id": record_id(batch, n, model), "asset_id": batch.asset_id, "branch": batch.branch}
    values = {name: getattr(row, name) for name in kept}
    made = {"write_id": batch.write_id, "fingerprint": batch.fingerprint}
    return {**place, **values, **made, "vector": batch.vectors[n].astype(np.float32).tolist()}


def _found(row: dict[str, Any], score: float) -> ScoredRecord:
    return ScoredRecord(row["id"], row["asset_id"], row["branch"], _row(row), score)


def _stored(row: dict[str, Any]) -> StoredRecord:
    told = {name: row[name] for name in ("asset_id", "branch", "fingerprint", "write_id")}
    return StoredRecord(record_id=row["id"], row=_row(row), vector=np.asarray(row["vector"], np.float32), **told)


def _row(row: dict[str, Any]) -> Row:
    kept = ("modality", "text", "start_ms", "end_ms", "page", "box", "thumbnail")
    return Row(**{name: row[name] for name in kept}, marks=tuple(row["marks"]))
