"""Milvus: Lite's server on this machine, or a Milvus server by URI. One collection for each embedding space."""

from __future__ import annotations

import contextlib
import fcntl
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import grpc
import numpy as np

from medley.errors import StoreUnavailable
from medley.models.base import ModelSpec, Vectors, spec_from_json
from medley.run import StoreAddress
from medley.stems import stems_asked
from medley.stores.base import Collection, RecordBatch, Scope, ScoredRecord, Space, StoredRecord
from medley.stores.milvus_filters import FILTER_ASSETS, filter_of, is_, of_asset, of_other_branches, stale
from medley.stores.milvus_schema import (
    GENERATION,
    PROPERTY,
    ROW_FIELDS,
    SPACE,
    index_params,
    record,
    schema,
    scored,
    stored,
)
from medley.stores.quiet_pymilvus import MilvusClient, MilvusException
from medley.system.loading import STORE, waiting_for
from medley.system.points import reach
from medley.system.tracing import span
from medley.types import Branch
from medley.words import words_in

P = ParamSpec("P")
R = TypeVar("R")

_ERRORS = (MilvusException, grpc.RpcError)  # a deadline is a bare RpcError
_CONNECT_S = 5.0
_WRITE_S = _LOAD_S = 120.0
_BATCH = 1000
#: Only words of this space are searched; collections of older schemas stay what they are until they are empty.
_TEXT, _SCHEMA = "text", "v2"
_DEEPEST = 16_384  # Milvus gives no more hits than this
#: A shared channel keeps failing for seconds after the server is back; these make it try again at once.
_CHANNEL = {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_http_proxy": 0,
}


def _reported(method: Callable[P, R]) -> Callable[P, R]:
    """Milvus' errors as ours."""

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with span(f"store {method.__name__.strip('_')}"):
                return method(*args, **kwargs)
        except _ERRORS as error:
            raise StoreUnavailable(
                f"the vector store failed: {' '.join(str(error).split())[:300]}",
                remedy="See the store's log in MEDLEY_HOME/logs, or check the server",
            ) from error

    call.__doc__ = method.__doc__
    return call


class MilvusStore:
    """A `VectorStore`. One connection; use it from one thread."""

    @_reported
    def __init__(self, address: StoreAddress) -> None:
        token = address.token.get_secret_value() if address.token else ""
        self._client = MilvusClient(
            uri=address.uri, token=token, timeout=_CONNECT_S, dedicated=True, grpc_options=_CHANNEL
        )
        self._lock = address.lock
        self._timeout = address.timeout_s
        self._seen = "Bounded" if address.bounded else "Strong"
        version = str(self._client.get_server_version(timeout=_CONNECT_S))
        number = re.search(r"(\d+)\.(\d+)", version)
        self._lite = version.startswith("milvus_lite")  # a server of 2.3 calls itself "v2.3.5-lite"
        self._bm25 = self._lite or (number is not None and (int(number[1]), int(number[2])) >= (2, 5))
        self._generation = address.generation
        self._loaded: set[str] = set()
        self._has_words: dict[str, bool] = {}

    @_reported
    def write(self, space: Space, model: ModelSpec, batches: Sequence[RecordBatch]) -> list[str]:
        """Makes the records of each batch's asset and branch exactly those of the batch; see `VectorStore`.

        After the upsert, rows of other writes are deleted from every collection of the space.
        """
        name = self._name_of(space, model)
        bm25 = self._bm25 and space == _TEXT
        rows = (record(batch, n, model, bm25=bm25) for batch in batches for n in range(len(batch.rows)))
        with self._turn():
            while some := list(islice(rows, _BATCH)):
                self._ensure(name, space, model, len(some[0]["vector"]), bm25=bm25)
                self._client.upsert(name, some, timeout=_WRITE_S)
            reach("records added")
            there = [collection.name for collection in self.collections() if collection.space == space]
            self._delete(there, stale(batches))
            for other in there:  # another model's space in which no asset has its latest records any more
                if other != name and not self._count(other, ""):
                    self._client.drop_collection(other, timeout=_WRITE_S)
                    self._loaded.discard(other)
        return [name] if any(batch.rows for batch in batches) else []

    def _name_of(self, space: Space, model: ModelSpec) -> str:
        own = f"_g{self._generation}" if self._generation else ""
        return f"{space}_{model.fingerprint}_{_SCHEMA}{own}"

    @_reported
    def delete(self, asset_id: str, branch: Branch | None = None) -> None:
        """Removes the records of an asset (of one branch) from all collections; see `VectorStore`."""
        wanted = of_asset(asset_id, branch)
        with self._turn():
            self._delete([collection.name for collection in self.collections()], [wanted])

    @_reported
    def retain(self, asset_ids: Sequence[str], branches: Iterable[Branch]) -> None:
        """Removes the records of assets that are of no such branch, where there are some; see `VectorStore`."""
        wanted = of_other_branches(asset_ids, branches)
        with self._turn():
            self._delete([found.name for found in self.collections() if self._count(found.name, wanted)], [wanted])

    @_reported
    def collections(self) -> list[Collection]:
        """Lists the embedding spaces of this generation; see `VectorStore`.

        Collections without Medley's property are somebody else's, and are left out.
        """
        found = []
        for name in sorted(self._client.list_collections(timeout=self._timeout)):
            properties = self._client.describe_collection(name, timeout=self._timeout).get("properties") or {}
            if PROPERTY in properties and properties.get(GENERATION, "") == self._generation:
                space = properties.get(SPACE) or name.partition("_")[0]  # older ones tell by their name alone
                found.append(Collection(name, space, spec_from_json(properties[PROPERTY])))
        return found

    @_reported
    def fetch(self, collection: Collection, record_id: str) -> tuple[ScoredRecord, Vectors] | None:
        """Reads a record and its vector, shape (dim,); see `VectorStore`."""
        self._load(collection.name)
        wanted, fields = is_("id", record_id), [*ROW_FIELDS, "vector"]
        found = self._client.query(collection.name, filter=wanted, output_fields=fields, timeout=self._timeout)
        if not found:
            return None
        vector = np.asarray(found[0]["vector"], dtype=np.float32)
        return scored({"id": record_id, "distance": 1.0, "entity": found[0]}), vector

    @_reported
    def search_vector(self, collection: Collection, vector: Vectors, scope: Scope, limit: int) -> list[ScoredRecord]:
        """Finds the nearest records by cosine; `vector` has shape (dim,); see `VectorStore`."""
        return self._search(collection, "vector", [float(x) for x in vector], scope, limit)

    @_reported
    def search_text(self, collection: Collection, query: str, scope: Scope, limit: int) -> list[ScoredRecord]:
        """Returns the best records by BM25; nothing where the collection has no BM25 or no word matches."""
        if collection.name not in self._has_words:
            described = self._client.describe_collection(collection.name, timeout=self._timeout)
            self._has_words[collection.name] = bool(described.get("functions"))
        if not self._has_words[collection.name]:
            return []
        words = " ".join([*words_in(query), *stems_asked(query)]) if f"_{_SCHEMA}" in collection.name else query
        return self._search(collection, "sparse", words, scope, limit)

    def rows(self, collection: Collection) -> Iterator[StoredRecord]:
        """Yields all records of an embedding space, in any order; see `VectorStore`."""
        _reported(self._load)(collection.name)
        fields = ["id", "fingerprint", "write_id", *ROW_FIELDS, "vector"]
        how = {"output_fields": fields, "consistency_level": "Strong", "timeout": self._timeout}
        pages = _reported(self._client.query_iterator)(collection.name, batch_size=_BATCH, **how)
        while page := _reported(pages.next)():
            yield from map(stored, page)
        pages.close()

    @_reported
    def count(self, asset_id: str, branch: Branch | None = None) -> int:
        """Counts the records of an asset (of one branch, where `branch` is given), over all collections."""
        wanted = of_asset(asset_id, branch)
        return sum(self._count(collection.name, wanted) for collection in self.collections())

    @_reported
    def count_marked(self, mark: str) -> int:
        """Counts the records that have a mark, over all collections."""
        wanted = filter_of(Scope(marks=(frozenset({mark}),)))
        return sum(self._count(collection.name, wanted) for collection in self.collections())

    def _count(self, name: str, wanted: str) -> int:
        self._load(name)
        how = {"output_fields": ["count(*)"], "consistency_level": "Strong", "timeout": self._timeout}
        return int(self._client.query(name, filter=wanted, **how)[0]["count(*)"])

    @_reported
    def drop(self) -> None:
        """Removes all embedding spaces of this generation; see `VectorStore`."""
        with self._turn():
            for collection in self.collections():
                self._client.drop_collection(collection.name, timeout=_WRITE_S)
                self._loaded.discard(collection.name)

    def close(self) -> None:
        """Ends the connection to Milvus."""
        self._client.close()

    def _search(self, collection: Collection, field: str, data: Any, scope: Scope, limit: int) -> list[ScoredRecord]:
        """Of more assets than a filter holds, the best of all are asked for, and those of the others left out."""
        many = scope.asset_ids is not None and len(scope.asset_ids) > FILTER_ASSETS
        found = self._hits(collection, field, data, filter_of(scope), _DEEPEST if many else min(limit, _DEEPEST))
        return [hit for hit in found if not many or hit.asset_id in (scope.asset_ids or ())][:limit]

    def _hits(self, collection: Collection, field: str, data: Any, wanted: str, limit: int) -> list[ScoredRecord]:
        self._load(collection.name)
        hits = self._client.search(
            collection.name,
            data=[data],
            anns_field=field,
            limit=limit,
            filter=wanted,
            output_fields=ROW_FIELDS,
            search_params={"metric_type": "COSINE" if field == "vector" else "BM25", "params": {}},
            consistency_level=self._seen,
            timeout=self._timeout,
        )[0]
        return [scored(hit) for hit in hits]

    def _delete(self, names: Sequence[str], conditions: Sequence[str]) -> None:
        """Lite keeps for good what is flushed, once for each collection: it is a segment and an index build.

        A server keeps what it has acknowledged, and takes one flush of a collection in ten seconds.
        """
        for name in names:
            self._load(name)
            for wanted in conditions:
                self._client.delete(name, filter=wanted, timeout=_WRITE_S)
            if self._lite:
                self._client.flush(name, timeout=_WRITE_S)

    def _ensure(self, name: str, space: Space, model: ModelSpec, dim: int, *, bm25: bool) -> None:
        if not self._client.has_collection(name, timeout=self._timeout):
            try:
                with waiting_for(STORE):
                    self._client.create_collection(
                        name,
                        schema=schema(dim, bm25=bm25),
                        index_params=index_params(lite=self._lite, bm25=bm25),
                        consistency_level="Strong",
                        properties={PROPERTY: model.to_json(), SPACE: space, **self._own()},
                        timeout=_WRITE_S,
                    )
            except _ERRORS as error:
                if not re.search("already exist|duplicate", str(error)):
                    self._drop_unfinished(name)
                    raise
        self._load(name)

    def _own(self) -> dict[str, str]:
        return {GENERATION: self._generation} if self._generation else {}

    def _drop_unfinished(self, name: str) -> None:
        """A collection whose index failed after it was made; one that somebody else has filled meanwhile stays."""
        with contextlib.suppress(*_ERRORS):
            if self._client.has_collection(name, timeout=self._timeout) and not self._rows_of(name):
                self._client.drop_collection(name)

    def _rows_of(self, name: str) -> int:
        return int(self._client.get_collection_stats(name, timeout=self._timeout)["row_count"])

    def _load(self, name: str) -> None:
        """A server that was restarted answers for a collection only once somebody has loaded it."""
        if name not in self._loaded:
            self._client.load_collection(name, timeout=_LOAD_S)
            self._loaded.add(name)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """One writer at a time where the backend has no write lock of its own."""
        if not self._lock:
            yield
            return
        with Path(self._lock).open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield
