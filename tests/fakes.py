"""Stand-ins behind our Protocols, and small values that many tests need."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel

from medley.models.base import ModelSpec, Vectors, unit
from medley.settings import Settings
from medley.stores.base import Collection, RecordBatch, Scope, ScoredRecord, Space, StoredRecord
from medley.types import Asset, Branch, MediaInfo, Modality, Row

TEXT_MODEL = ModelSpec("text", "fake", "fake/text", "1", "float32")
IMAGE_MODEL = ModelSpec("vision", "fake", "fake/vision", "1", "float32")
MEDIA = MediaInfo("mov", "video/mp4", 0.0, 3.0, 1, 0, 640, 360)


def setting_groups() -> dict[str, type[BaseModel]]:
    """Groups of settings by their names in variables: STORE of MEDLEY_STORE__URI."""
    found = {name.upper(): field.annotation for name, field in Settings.model_fields.items()}
    return {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, BaseModel)}


def asset_id(name: str) -> str:
    """An asset id: 64 hex digits that follow from a name."""
    return hashlib.sha256(name.encode()).hexdigest()


def asset(name: str) -> Asset:
    """An asset that no file belongs to."""
    return Asset(asset_id(name), f"/nowhere/{name}.mp4", 7, MEDIA)


def vector_of(text: str, dim: int = 8) -> Vectors:
    """A unit vector that follows from a text."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return unit(np.random.default_rng(seed).normal(size=(1, dim)))[0]


class FakeEncoder:
    """A `TextEncoder`: each text its own direction."""

    dim = 8

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """See `TextEncoder`."""
        return np.stack([vector_of(text) for text in texts])


def load(spec: ModelSpec, *, threads: int) -> FakeEncoder:
    """What every loader in medley/models offers: this module can stand beside them."""
    assert spec.loader == "fake"
    assert threads >= 1
    return FakeEncoder()


def found(
    record_id: str, at_s: float, *, modality: Modality = "speech", owner: str = "one", long_s: float = 1, text: str = ""
) -> ScoredRecord:
    """A hit: a record of `owner` that begins at `at_s`."""
    branch: Branch = "frames" if modality == "frame" else "speech"
    row = Row(modality, text or record_id, start_ms=round(at_s * 1000), end_ms=round((at_s + long_s) * 1000))
    return ScoredRecord(record_id, asset_id(owner), branch, row, 0.5)


@dataclass
class FakeStore:
    """A `VectorStore` that answers what it was told to, and notes what it was asked."""

    by_vector: dict[str, list[ScoredRecord]] = field(default_factory=dict)
    by_text: dict[str, list[ScoredRecord]] = field(default_factory=dict)
    spaces: list[Collection] = field(default_factory=list)
    asked: list[tuple[str, str, list[Modality], int]] = field(default_factory=list)
    vectors: list[Vectors] = field(default_factory=list)

    def write(self, space: Space, model: ModelSpec, batches: Sequence[RecordBatch]) -> list[str]:
        """A search writes nothing."""
        raise AssertionError(f"written to {space} with {model} and {batches}")

    def delete(self, asset_id: str, branch: Branch | None = None) -> None:
        """A search deletes nothing."""
        raise AssertionError(f"deleted {asset_id} {branch}")

    def retain(self, asset_ids: Sequence[str], branches: object) -> None:
        """A search deletes nothing."""
        raise AssertionError(f"deleted of {asset_ids} all but {branches}")

    def collections(self) -> list[Collection]:
        """See `VectorStore`."""
        return self.spaces

    def fetch(self, collection: Collection, record_id: str) -> tuple[ScoredRecord, Vectors] | None:
        """See `VectorStore`."""
        known = self.by_vector.get(collection.name, [])
        return next(((hit, vector_of(hit.row.text)) for hit in known if hit.record_id == record_id), None)

    def search_vector(self, collection: Collection, vector: Vectors, scope: Scope, limit: int) -> list[ScoredRecord]:
        """See `VectorStore`."""
        self.asked.append((collection.name, "vector", list(scope.modalities or ()), limit))
        self.vectors.append(vector)
        return self._of(self.by_vector, collection, scope, limit)

    def search_text(self, collection: Collection, query: str, scope: Scope, limit: int) -> list[ScoredRecord]:
        """See `VectorStore`."""
        self.asked.append((collection.name, query, list(scope.modalities or ()), limit))
        return self._of(self.by_text, collection, scope, limit)

    def count(self, asset_id: str, branch: Branch | None = None) -> int:
        """A search counts nothing."""
        raise AssertionError(f"counted {asset_id} {branch}")

    def count_marked(self, mark: str) -> int:
        """A search counts nothing."""
        raise AssertionError(f"counted {mark}")

    def drop(self) -> None:
        """A search removes nothing."""
        raise AssertionError("dropped")

    def rows(self, collection: Collection) -> Iterator[StoredRecord]:
        """A search reads no rows."""
        raise AssertionError(f"read {collection}")

    def close(self) -> None:
        """See `VectorStore`."""

    def _of(
        self, known: dict[str, list[ScoredRecord]], collection: Collection, scope: Scope, limit: int
    ) -> list[ScoredRecord]:
        there = known.get(collection.name, [])
        wanted = [hit for hit in there if scope.modalities is None or hit.row.modality in scope.modalities]
        return [hit for hit in wanted if scope.asset_ids is None or hit.asset_id in scope.asset_ids][:limit]


def batch(owner: str, texts: Sequence[str], write_id: str = "w1", *, branch: Branch = "speech") -> RecordBatch:
    """One row for each text, a second each."""
    modality = "speech" if branch == "speech" else "frame"
    rows = [Row(modality, text, n * 1000, n * 1000 + 900, thumbnail=f"{n}.jpg") for n, text in enumerate(texts)]
    vectors = np.stack([vector_of(text) for text in texts]) if texts else np.zeros((0, 8), np.float32)
    return RecordBatch(owner, branch, "f" * 32, write_id, rows, vectors)
