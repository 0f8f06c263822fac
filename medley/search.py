"""Search: every embedding space is asked, the answers are fused by rank, and neighbours become one moment."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from medley.dag.registry import modalities
from medley.models.base import ModelSpec, TextEncoder, Vectors, load_model
from medley.stores.base import Collection, Scope, ScoredRecord, VectorStore
from medley.types import Modality

#: Reciprocal rank fusion (Cormack et al., SIGIR 2009): 1 / (60 + rank).
_RRF_K = 60
#: Evidence of one file this close together is one moment.
_NEAR_MS = 5_000
#: Candidates taken from each single search for each hit that is asked for.
_DEPTH = 5


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record that speaks for a moment, with its fused score."""

    found: ScoredRecord
    score: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A file, a time span or page, and its evidence, best first."""

    asset_id: str
    evidence: tuple[Evidence, ...]

    @property
    def score(self) -> float:
        """The best evidence's, raised a little by what stands beside it: agreement of sound and picture counts."""
        best: dict[Modality, float] = defaultdict(float)
        for hit in self.evidence:
            best[hit.found.row.modality] = max(best[hit.found.row.modality], hit.score)
        ordered = sorted(best.values(), reverse=True)
        return ordered[0] + 0.1 * sum(ordered[1:])


_ANYTHING = Scope()


@lru_cache
def query_encoder(model: ModelSpec) -> TextEncoder:
    """Loads the model that encodes queries, once in this process, on one thread. Raises ModelUnavailable."""
    encoder: TextEncoder = load_model(model, threads=1)
    return encoder


def search_moments(
    store: VectorStore,
    query: str,
    *,
    scope: Scope = _ANYTHING,
    limit: int = 10,
    encoder_of: Callable[[ModelSpec], TextEncoder] = query_encoder,
) -> list[Moment]:
    """Finds the best `limit` moments for `query`, best first. Scores compare within one answer only.

    For each collection, the model that made its vectors encodes the query. Raises StoreUnavailable,
    ModelUnavailable.
    """
    depth = limit * _DEPTH
    pieces: list[Evidence] = []
    for collection in store.collections():
        if asked := _within(scope, collection):
            pieces += _ask(store, collection, query, asked, depth, encoder_of)
    return _fused(pieces)[:limit]


def similar_to_record(
    store: VectorStore, record_id: str, *, scope: Scope = _ANYTHING, limit: int = 10
) -> list[Moment] | None:
    """Moments whose evidence is near that record, in the record's own space; None where there is no such record."""
    for collection in store.collections():
        vector = store.fetch(collection, record_id)
        if vector is not None:
            near = _near(store, collection, vector, scope, limit * _DEPTH + 1)
            return _fused([hit for hit in near if hit.found.record_id != record_id])[:limit]
    return None


def similar_to_picture(store: VectorStore, picture: Path, *, scope: Scope = _ANYTHING, limit: int = 10) -> list[Moment]:
    """Moments that look like `picture`, a JPEG of ours. Raises StoreUnavailable, ModelUnavailable."""
    pieces: list[Evidence] = []
    for collection in store.collections():
        if collection.space == "image":
            encoder: Any = query_encoder(collection.model)
            pieces += _near(store, collection, encoder.encode_images([picture])[0], scope, limit * _DEPTH)
    return _fused(pieces)[:limit]


def _within(scope: Scope, collection: Collection) -> Scope | None:
    """The part of the scope that such a collection holds; None where it holds nothing of it."""
    if scope.modalities is None:
        return scope
    spaces = modalities()
    asked = tuple(one for one in scope.modalities if spaces.get(one, collection.space) == collection.space)
    return replace(scope, modalities=asked) if asked else None


def _near(store: VectorStore, collection: Collection, vector: Vectors, scope: Scope, depth: int) -> list[Evidence]:
    asked = _within(scope, collection)
    found = store.search_vector(collection, vector, asked, depth) if asked else []
    return [Evidence(hit, 1.0 / (_RRF_K + rank)) for rank, hit in enumerate(found, 1)]


def _fused(pieces: Sequence[Evidence]) -> list[Moment]:
    """A record's scores added up; the best first, its neighbours beside it."""
    fused: dict[str, Evidence] = {}
    for hit in pieces:
        before = fused.get(hit.found.record_id)
        fused[hit.found.record_id] = replace(hit, score=hit.score + (before.score if before else 0.0))
    return _moments(sorted(fused.values(), key=lambda hit: (-hit.score, hit.found.record_id)))


def _ask(
    store: VectorStore,
    collection: Collection,
    query: str,
    scope: Scope,
    depth: int,
    encoder_of: Callable[[ModelSpec], TextEncoder],
) -> list[Evidence]:
    """A text space answers by meaning and by words, each with half the weight of a picture space's one answer.

    A text that has every word of the query gets a whole vote besides: a picture space always answers, fitting or not.
    """
    encoder = encoder_of(collection.model)
    if not hasattr(encoder, "encode_texts"):
        return []  # a space of a pipeline's own, which words say nothing about
    vector = encoder.encode_texts([query])[0]
    if collection.space != "text":
        return _near(store, collection, vector, scope, depth)
    by_meaning = store.search_vector(collection, vector, scope, depth)
    by_words = store.search_text(collection, query, scope, depth)
    wanted = _words(query)
    said = [1.5 if wanted <= _words(found.row.text) else 0.5 for found in by_words]
    return [
        *(Evidence(found, 0.5 / (_RRF_K + rank)) for rank, found in enumerate(by_meaning, 1)),
        *(Evidence(found, said[rank - 1] / (_RRF_K + rank)) for rank, found in enumerate(by_words, 1)),
    ]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _moments(ranked: Sequence[Evidence]) -> list[Moment]:
    """Evidence joins the best moment of its file that it touches; otherwise it begins one."""
    groups: list[list[Evidence]] = []
    for hit in ranked:
        home = next((group for group in groups if _together(group[0].found, hit.found)), None)
        if home is None:
            groups.append([hit])
        else:
            home.append(hit)
    moments = [Moment(group[0].found.asset_id, tuple(group)) for group in groups]
    return sorted(moments, key=lambda moment: -moment.score)


def _together(best: ScoredRecord, other: ScoredRecord) -> bool:
    if best.asset_id != other.asset_id or best.row.page != other.row.page:
        return False
    if best.row.start_ms is None or other.row.start_ms is None:
        return best.row.page is not None
    gap = max(best.row.start_ms, other.row.start_ms) - min(best.row.end_ms or 0, other.row.end_ms or 0)
    return gap <= _NEAR_MS
