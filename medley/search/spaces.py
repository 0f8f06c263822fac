"""Asks the embedding spaces of a store, and scores what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Collection as Container
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from medley.dag.registry import modalities
from medley.errors import TransientError
from medley.models.base import ModelSpec, TextEncoder, Vectors
from medley.models.queries import load_for_queries
from medley.search.floors import Floors
from medley.search.moments import Evidence, Moment, fused
from medley.search.scores import Wanted, text_score
from medley.stems import language_in
from medley.stores.base import Collection, Scope, VectorStore
from medley.types import Row

#: Candidates taken from each single search for each hit that is asked for, and at least.
_DEPTH, _LEAST = 5, 30
#: Score at least of the best record of a file whose name has all words of the query.
_NAMED = 0.75

_ANYTHING = Scope()
#: Returns the encoder of a model; None while it is being loaded: then words alone are searched.
EncoderOf = Callable[[ModelSpec], TextEncoder | None]


@lru_cache
def query_encoder(model: ModelSpec) -> TextEncoder:
    """Loads the model that encodes queries, once in this process, on one thread. Raises ModelUnavailable."""
    return load_for_queries(model, threads=1)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query on its way through the spaces."""

    store: VectorStore
    query: str
    depth: int
    encoder_of: EncoderOf
    floors: Floors
    named: frozenset[str]


def search_moments(
    store: VectorStore,
    query: str,
    *,
    scope: Scope = _ANYTHING,
    limit: int = 10,
    encoder_of: EncoderOf = query_encoder,
    floors: Floors | None = None,
    named: Container[str] = (),
) -> list[Moment]:
    """Finds the best `limit` moments for `query`, best first.

    For each collection, the model that made its vectors encodes the query. `named`: ids of assets whose names have all
    words of the query. Raises StoreUnavailable, ModelUnavailable.
    """
    depth = max(_LEAST, limit * _DEPTH)
    asked = _Asked(store, query, depth, encoder_of, floors or Floors(), frozenset(named))
    pieces: list[Evidence] = []
    for collection in store.collections():
        if within := _within(scope, collection):
            pieces += _ask(asked, collection, within)
    return fused(pieces)[:limit]


def similar_to_record(
    store: VectorStore, record_id: str, *, scope: Scope = _ANYTHING, limit: int = 10
) -> list[Moment] | None:
    """Moments whose evidence is near that record, in the record's own space; None where there is no such record."""
    for collection in store.collections():
        known = store.fetch(collection, record_id)
        if known is not None:
            near = _near(store, collection, known[1], scope, limit * _DEPTH + 1)
            return fused(hit for hit in near if hit.found.record_id != record_id)[:limit]
    return None


def similar_to_picture(
    store: VectorStore,
    picture: Path,
    *,
    scope: Scope = _ANYTHING,
    limit: int = 10,
    encoder_of: EncoderOf = query_encoder,
) -> list[Moment]:
    """Moments that look like `picture`, a JPEG of ours. Raises StoreUnavailable, ModelUnavailable, TransientError."""
    pieces: list[Evidence] = []
    for collection in store.collections():
        if collection.space == "image":
            encoder: Any = encoder_of(collection.model)
            if encoder is None:
                raise TransientError("the model of pictures is still being loaded", remedy="Ask again in some seconds")
            pieces += _near(store, collection, encoder.encode_images([picture])[0], scope, limit * _DEPTH)
    return fused(pieces)[:limit]


def _within(scope: Scope, collection: Collection) -> Scope | None:
    """The part of the scope that such a collection holds; None where it holds nothing of it."""
    if scope.modalities is None:
        return scope
    spaces = modalities()
    asked = tuple(one for one in scope.modalities if spaces.get(one, collection.space) == collection.space)
    return replace(scope, modalities=asked) if asked else None


def _near(store: VectorStore, collection: Collection, vector: Vectors, scope: Scope, depth: int) -> list[Evidence]:
    """What is like something: scores are the cosines themselves."""
    asked = _within(scope, collection)
    found = store.search_vector(collection, vector, asked, depth) if asked else []
    return [Evidence(hit, min(1.0, max(0.0, hit.score)), {"cosine": hit.score}) for hit in found]


def _ask(asked: _Asked, collection: Collection, scope: Scope) -> list[Evidence]:
    """What one space answers; nothing where words say nothing about it."""
    encoder = asked.encoder_of(collection.model)
    if encoder is None:
        return _by_meaning_and_words(asked, collection, scope, []) if collection.space == "text" else []
    if not hasattr(encoder, "encode_texts"):
        return []  # a space of a pipeline's own
    vector = encoder.encode_texts([asked.query])[0]
    found = asked.store.search_vector(collection, vector, scope, asked.depth)
    met = {hit.row.modality for hit in found}
    floors = {modality: asked.floors.of(asked.store, collection, encoder, modality) for modality in met}
    pieces = [Evidence(hit, floors[hit.row.modality].score(hit.score), {"cosine": hit.score}) for hit in found]
    if collection.space == "text":
        pieces = _by_meaning_and_words(asked, collection, scope, pieces)
    return pieces + _of_named(asked, collection, scope, vector, pieces)


def _by_meaning_and_words(
    asked: _Asked, collection: Collection, scope: Scope, by_meaning: list[Evidence]
) -> list[Evidence]:
    """The records of a text space, found by either way, with scores of both."""
    by_words = asked.store.search_text(collection, asked.query, scope, asked.depth)
    found = {hit.record_id: Evidence(hit, 0.0) for hit in by_words} | {hit.found.record_id: hit for hit in by_meaning}
    ranks = {hit.record_id: hit.score for hit in by_words}
    wanted = Wanted(asked.query, [_told(piece.found.row) for piece in found.values()])
    pieces = []
    for record_id, piece in found.items():
        raw = {**piece.raw, **({"bm25": ranks[record_id]} if record_id in ranks else {})}
        pieces.append(replace(piece, score=text_score(piece.score, wanted, *_told(piece.found.row)), raw=raw))
    return pieces


def _told(row: Row) -> tuple[str, str]:
    """A record's text and its language."""
    return row.text, language_in(row.marks)


def _of_named(
    asked: _Asked, collection: Collection, scope: Scope, vector: Vectors, pieces: Iterable[Evidence]
) -> list[Evidence]:
    """The best record of each file whose name has all words of the query."""
    owners = asked.named if scope.asset_ids is None else asked.named & scope.asset_ids
    best: dict[str, Evidence] = {}
    known = {piece.found.record_id: piece for piece in pieces}
    within = replace(scope, asset_ids=owners)
    for hit in asked.store.search_vector(collection, vector, within, asked.depth) if owners else []:
        piece = known.get(hit.record_id) or Evidence(hit, 0.0, {"cosine": hit.score})
        best.setdefault(hit.asset_id, replace(piece, score=max(piece.score, _NAMED), raw={**piece.raw, "name": 1.0}))
    return list(best.values())
