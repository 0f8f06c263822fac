"""Milvus Lite's searches without its loops over all rows: they cost half a second at 100,000 records.

Lite 3.2 asks of each row, in Python and for each search anew, whether it is the newest of its key and not deleted,
takes the norm of each vector, and walks the whole posting list of each word. Here the rows that count are known until
segments or deletions change, the rest is numpy's, and Lite's own search then sees only the best rows of each segment:
versions that are not flushed yet, merging and results stay its affair. What it is asked beyond cosine and BM25 goes
its own way. Other versions of Lite are left alone.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
from milvus_lite._version import get_version
from milvus_lite.engine import collection as engine
from milvus_lite.index.sparse_common import empty_results, validate_mask
from milvus_lite.index.sparse_inverted import SparseInvertedIndex
from milvus_lite.search.indexed_filter import evaluate_segment_filter
from milvus_lite.storage.segment import Segment
from numpy.typing import NDArray

_KNOWN = "3.2."
_Mask = NDArray[np.bool_]


def install() -> bool:
    """Puts these searches in the place of Lite's, in this process; False where its version is another one."""
    if not get_version().startswith(_KNOWN):
        return False
    engine.execute_search_with_index = partial(_by_vector, engine.execute_search_with_index)
    theirs = engine.Collection._search_sparse
    engine.Collection._search_sparse = lambda collection, **asked: _by_words(theirs, collection, asked)
    return True


@dataclass(slots=True)
class _Known:
    """What was found out about the segments of a collection, until they or the deletions change."""

    segments: tuple[Any, ...]
    deleted: dict[Any, int]
    live: list[_Mask]
    norms: dict[tuple[int, str], NDArray[np.float32]] = field(default_factory=dict)


_known: dict[str, _Known] = {}
_turn = Lock()


def _known_of(segments: Sequence[Any], deleted: dict[Any, int]) -> _Known:
    """What is known of a snapshot, found out now where it is new."""
    where = os.path.dirname(segments[0].file_path)
    with _turn:
        found = _known.get(where)
        same = found and len(found.segments) == len(segments)
        same = same and all(a is b for a, b in zip(found.segments, segments, strict=True))  # type: ignore[union-attr]
        if found is None or not same or found.deleted != deleted:
            found = _known[where] = _Known(tuple(segments), deleted, _live(segments, deleted))
        return found


def _live(segments: Sequence[Any], deleted: dict[Any, int]) -> list[_Mask]:
    """Which rows are the newest of their key, and not deleted since."""
    newest: dict[Any, int] = {}
    for segment in segments:
        for key, seq in zip(segment.pks, segment.seqs.tolist(), strict=True):
            if seq > newest.get(key, -1):
                newest[key] = seq
    return [
        np.fromiter(
            (
                newest[key] == seq and deleted.get(key, -1) <= seq
                for key, seq in zip(segment.pks, segment.seqs.tolist(), strict=True)
            ),
            np.bool_,
            len(segment.pks),
        )
        for segment in segments
    ]


def _masks(known: _Known, memtable: Any, wanted: Any, plan: Any) -> list[_Mask]:
    """Rows of each segment that a search may find: live, not replaced or deleted in the memtable, and as filtered."""
    changed = [key for key, _ in memtable.pk_index_snapshot()] + list(memtable.delete_index_snapshot())
    masks = []
    for segment, live in zip(known.segments, known.live, strict=True):
        rows = [row for row in map(segment.pk_to_row.get, changed) if row is not None]
        mask = live
        if rows:
            mask = live.copy()
            mask[rows] = False
        if wanted is not None:
            mask = mask & evaluate_segment_filter(segment, wanted, plan).astype(bool)
        masks.append(mask)
    return masks


def _part(segment: Any, rows: NDArray[np.int64], asked: dict[str, Any]) -> Any:
    """Some rows of a segment, as a segment; without vectors that nobody asked for: lists of floats."""
    wanted = asked["output_fields"] or segment.table.column_names
    columns = segment.table.schema
    names = [column.name for column in columns if column.name in wanted or not _is_vector(column.type)]
    vectors = segment.vectors[rows] if len(segment.vectors) else segment.vectors
    nulls = segment.vector_null_mask
    return Segment(
        file_path=segment.file_path,
        partition=segment.partition,
        pk_field=segment._pk_field,
        vector_field=segment._vector_field,
        pks=[segment.pks[row] for row in rows],
        seqs=segment.seqs[rows],
        vectors=vectors,
        table=segment.table.select(names).take(rows),
        vector_null_mask=None if nulls is None else nulls[rows],
    )


def _is_vector(kind: pa.DataType) -> bool:
    return bool(pa.types.is_fixed_size_list(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _best(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Rows of the best scores in each row of `scores`; -inf is none."""
    count = min(count, scores.shape[1])
    rows = np.unique(np.argpartition(-scores, count - 1, axis=1)[:, :count]) if count else np.empty(0, np.int64)
    return rows[np.isfinite(scores[:, rows]).any(axis=0)]


def _by_vector(theirs: Callable[..., Any], **asked: Any) -> Any:
    """`execute_search_with_index` of Lite, over the best rows of each segment."""
    segments = [segment for segment in asked["segments"] if segment.num_rows]
    others = any(segment._vector_field != asked["vector_field"] for segment in segments)
    if asked["metric_type"] != "COSINE" or asked["partition_names"] or others or not segments:
        return theirs(**asked)
    known = _known_of(segments, asked["delta_index"]._map)
    masks = _masks(known, asked["memtable"], asked["compiled_filter"], asked["indexed_filter_plan"])
    queries = np.asarray(asked["query_vectors"], np.float32)
    few = []
    for n, (segment, mask) in enumerate(zip(segments, masks, strict=True)):
        vectors, there = segment.vector_data(asked["vector_field"])
        scores = (queries @ vectors.T) / _norms(known, n, asked["vector_field"], vectors)
        scores[:, ~(mask if there is None else mask & there)] = -np.inf
        if len(rows := _best(scores, asked["top_k"])):
            few.append(_part(segment, rows, asked))
    return theirs(**{**asked, "segments": few})


def _norms(known: _Known, n: int, name: str, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    if (n, name) not in known.norms:
        known.norms[n, name] = np.maximum(np.linalg.norm(vectors, axis=1), 1e-30)
    return known.norms[n, name]


class _Postings(SparseInvertedIndex):  # type: ignore[misc]
    """BM25 of a segment, with arrays for posting lists."""

    def build(self, sparse_vectors: list[dict[int, float]], valid_mask: _Mask | None = None) -> None:
        super().build(sparse_vectors, valid_mask)
        lists: dict[int, list[tuple[int, float]]] = self._posting_lists
        self._postings = {
            word: (np.array([row for row, _ in found], np.int64), np.array([count for _, count in found], np.float32))
            for word, found in lists.items()
        }
        lists.clear()

    def scores(self, queries: list[dict[int, float]]) -> NDArray[np.float32]:
        """Returns the score of each row for each query, shape (queries, rows); 0.0 where no word is shared."""
        found = np.zeros((len(queries), len(self._doc_lengths)), np.float32)
        shape = self.k1 * (1 - self.b + self.b * self._doc_lengths / (self.avgdl or 1.0))
        for n, query in enumerate(queries):
            for word, weight in query.items():
                if word in self._postings:
                    rows, counts = self._postings[word]
                    rarity = math.log((self.doc_count - len(rows) + 0.5) / (len(rows) + 0.5) + 1.0)
                    found[n, rows] += rarity * weight * counts * (self.k1 + 1) / (counts + shape[rows])
        return found


class _Answered(SparseInvertedIndex):  # type: ignore[misc]
    """An index of few rows whose scores are known."""

    def __init__(self, scores: NDArray[np.float32], k1: float, b: float) -> None:
        super().__init__(k1=k1, b=b)
        self._scores = scores

    def search(self, query_sparse_vectors: Any, top_k: int, valid_mask: Any = None) -> tuple[Any, Any]:
        mask = validate_mask(valid_mask, self._scores.shape[1])
        ids, distances = empty_results(len(query_sparse_vectors), top_k)
        for n, scores in enumerate(self._scores):
            rows = np.flatnonzero((scores > 0) if mask is None else (scores > 0) & mask)
            rows = rows[np.argsort(-scores[rows], kind="stable")][:top_k]
            ids[n, : len(rows)], distances[n, : len(rows)] = rows, -scores[rows]
        return ids, distances


class _Seen:
    """A collection of which a search sees other segments than there are."""

    def __init__(self, collection: Any, snapshot: tuple[Any, ...]) -> None:
        self._collection, self._snapshot = collection, snapshot

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    def _read_snapshot(self) -> tuple[Any, ...]:
        return self._snapshot


def _by_words(theirs: Callable[..., Any], collection: Any, asked: dict[str, Any]) -> Any:
    """`Collection._search_sparse` of Lite, over the best rows of each segment."""
    all_segments, delta = collection._read_snapshot()
    segments = [segment for segment in all_segments if segment.num_rows]
    if asked["metric_type"] != "BM25" or asked["partition_names"] or not segments:
        return theirs(collection, **asked)
    wanted = collection._compile_filter(asked["expr"], timezone=asked["timezone"]) if asked["expr"] else None
    known = _known_of(segments, delta._map)
    masks = _masks(known, collection._memtable, wanted, collection._indexed_filter_plan(wanted))
    queries = collection._prepare_sparse_queries(asked["query_vectors"], asked["vector_field"])
    few = []
    for segment, mask in zip(segments, masks, strict=True):
        index = _postings_of(segment, collection, asked["vector_field"])
        scores = index.scores(queries)
        rows = _best(np.where(mask & (scores > 0), scores, -np.inf).astype(np.float32), asked["top_k"])
        if len(rows):
            part = _part(segment, rows, asked)
            part.sparse_indexes[asked["vector_field"]] = _Answered(scores[:, rows], index.k1, index.b)
            few.append(part)
    return theirs(_Seen(collection, (tuple(few), delta)), **asked)


def _postings_of(segment: Any, collection: Any, name: str) -> _Postings:
    from milvus_lite.analyzer.sparse import bytes_to_sparse

    found = segment.sparse_indexes.get(name)
    if not isinstance(found, _Postings):
        spec = collection._index_specs.get(name)
        given = spec.build_params if spec else {}
        found = _Postings(k1=float(given.get("bm25_k1", 1.5)), b=float(given.get("bm25_b", 0.75)))
        column = segment.table.column(name).to_pylist()
        found.build([bytes_to_sparse(row) if isinstance(row, bytes) else (row or {}) for row in column])
        segment.sparse_indexes[name] = found
    return found
