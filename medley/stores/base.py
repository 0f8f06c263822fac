"""What a vector store is to the rest of Medley."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from medley.models.base import ModelSpec, Vectors
from medley.types import Branch, Modality, Row

#: "text", "image", or the name of a space that a pipeline brings.
Space = str


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Collection:
    """One embedding space of the store, and the model that made its vectors."""

    name: str
    space: Space
    model: ModelSpec


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ScoredRecord:
    """One record that a single search found. `score`: higher is better, comparable within that search only."""

    record_id: str
    asset_id: str
    branch: Branch
    row: Row
    score: float


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Scope:
    """What a search looks at: records of these modalities, of these assets, on this page; None: of all.

    Of each of `marks`, a record has one at least.
    """

    modalities: tuple[Modality, ...] | None = None
    asset_ids: frozenset[str] | None = None
    page: int | None = None
    marks: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True, slots=True, weakref_slot=True)
class RecordBatch:
    """The records of one branch of one asset, as one write stage hands them over: `rows[i]` goes with `vectors[i]`."""

    asset_id: str
    branch: Branch
    fingerprint: str
    write_id: str
    rows: Sequence[Row]
    vectors: Vectors

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.vectors):
            raise ValueError(f"{len(self.rows)} rows for {len(self.vectors)} vectors")


def record_id(batch: RecordBatch, n: int, model: ModelSpec) -> str:
    """Computes the id of the n-th record of a batch, 40 hex digits.

    The id follows from asset, branch, modality, locator and model, and from nothing else: a second write is the
    same record.
    """
    row = batch.rows[n]
    identity = "\0".join([batch.asset_id, batch.branch, row.modality, row.locator, model.fingerprint])
    return hashlib.sha256(identity.encode()).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record as the store has it, for those who compare; `vector` has shape (dim,)."""

    record_id: str
    asset_id: str
    branch: Branch
    fingerprint: str
    write_id: str
    row: Row
    vector: Vectors


class VectorStore(Protocol):
    """Records by embedding space, of one generation of the index (`StoreAddress.generation`); others are not seen.

    Every method raises StoreUnavailable when the store does not answer.
    """

    def write(self, space: Space, model: ModelSpec, batches: Sequence[RecordBatch]) -> list[str]:
        """Makes the records of each batch's asset and branch exactly those of the batch, durably.

        In every collection of the space. All batches are of one branch and one write. Returns the names of the
        collections that now hold some of them.
        """
        ...

    def delete(self, asset_id: str, branch: Branch | None = None) -> None:
        """Removes the records of an asset (of one branch), durably."""
        ...

    def retain(self, asset_ids: Sequence[str], branches: Iterable[Branch]) -> None:
        """Removes the records of assets that are of no such branch, durably."""
        ...

    def collections(self) -> list[Collection]:
        """Lists all embedding spaces that exist."""
        ...

    def fetch(self, collection: Collection, record_id: str) -> tuple[ScoredRecord, Vectors] | None:
        """Reads a record (its score is 1.0) and its vector, shape (dim,); None where it is not in that collection."""
        ...

    def search_vector(self, collection: Collection, vector: Vectors, scope: Scope, limit: int) -> list[ScoredRecord]:
        """Finds the nearest records by cosine; `vector` has shape (dim,)."""
        ...

    def search_text(self, collection: Collection, query: str, scope: Scope, limit: int) -> list[ScoredRecord]:
        """Finds the best records by BM25; nothing where the backend has no BM25 or no word matches."""
        ...

    def rows(self, collection: Collection) -> Iterator[StoredRecord]:
        """Yields all records of an embedding space, in any order."""
        ...

    def count(self, asset_id: str, branch: Branch | None = None) -> int:
        """Counts the records of an asset (of one branch), over all collections."""
        ...

    def count_marked(self, mark: str) -> int:
        """Counts the records that have a mark, over all collections."""
        ...

    def drop(self) -> None:
        """Removes all embedding spaces with their records, durably."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...
