"""Search: every embedding space is asked, the answers are fused by rank, and neighbours become one moment."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from medley.models.base import ModelSpec, TextEncoder, load_model
from medley.stores.base import Collection, Found, Space, VectorStore
from medley.types import MODALITIES, Modality

#: Reciprocal rank fusion (Cormack et al., SIGIR 2009): 1 / (60 + rank).
_RRF_K = 60
#: Evidence of one file this close together is one moment.
_NEAR_MS = 5_000
#: Candidates taken from each single search for each hit that is asked for.
_DEPTH = 5
#: Which modalities live in which kind of space.
_SPOKEN_OF: dict[Space, tuple[Modality, ...]] = {
    "text": ("speech", "page", "ocr", "caption"),
    "image": ("frame", "image"),
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record that speaks for a moment, with its fused score."""

    found: Found
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
        for piece in self.evidence:
            best[piece.found.row.modality] = max(best[piece.found.row.modality], piece.score)
        ordered = sorted(best.values(), reverse=True)
        return ordered[0] + 0.1 * sum(ordered[1:])


def search_moments(
    store: VectorStore,
    query: str,
    *,
    modalities: Sequence[Modality] = MODALITIES,
    limit: int = 10,
    threads: int = 1,
) -> list[Moment]:
    """The best `limit` moments for `query`, best first. Scores compare within one answer only.

    Each collection is asked in the language of the model that made it. Raises StoreUnavailable, ModelUnavailable.
    """
    depth = limit * _DEPTH
    fused: dict[str, Evidence] = {}
    for collection in store.collections():
        asked = [modality for modality in modalities if modality in _SPOKEN_OF[collection.space]]
        for piece in _ask(store, collection, query, asked, depth, threads) if asked else ():
            before = fused.get(piece.found.record_id)
            fused[piece.found.record_id] = replace(piece, score=piece.score + (before.score if before else 0.0))
    ranked = sorted(fused.values(), key=lambda piece: (-piece.score, piece.found.record_id))
    return _moments(ranked)[:limit]


def _ask(
    store: VectorStore,
    collection: Collection,
    query: str,
    modalities: Sequence[Modality],
    depth: int,
    threads: int,
) -> list[Evidence]:
    """A text space answers by meaning and by words, each with half the weight of a picture space's one answer.

    A text that has every word of the query gets a whole vote besides: a picture space always answers, fitting or not.
    """
    vector = query_encoder(collection.model, threads).encode_texts([query])[0]
    by_meaning = store.search_vector(collection, vector, modalities, depth)
    if collection.space != "text":
        return [Evidence(found, 1.0 / (_RRF_K + rank)) for rank, found in enumerate(by_meaning, 1)]
    by_words = store.search_text(collection, query, modalities, depth)
    wanted = _words(query)
    said = [1.5 if wanted <= _words(found.row.text) else 0.5 for found in by_words]
    return [
        *(Evidence(found, 0.5 / (_RRF_K + rank)) for rank, found in enumerate(by_meaning, 1)),
        *(Evidence(found, said[rank - 1] / (_RRF_K + rank)) for rank, found in enumerate(by_words, 1)),
    ]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


@lru_cache
def query_encoder(model: ModelSpec, threads: int = 1) -> TextEncoder:
    """The model, loaded once in this process. Raises ModelUnavailable."""
    encoder: TextEncoder = load_model(model, threads=threads)
    return encoder


def _moments(ranked: Sequence[Evidence]) -> list[Moment]:
    """Evidence joins the best moment of its file that it touches; otherwise it begins one."""
    groups: list[list[Evidence]] = []
    for piece in ranked:
        home = next((group for group in groups if _together(group[0].found, piece.found)), None)
        if home is None:
            groups.append([piece])
        else:
            home.append(piece)
    moments = [Moment(group[0].found.asset_id, tuple(group)) for group in groups]
    return sorted(moments, key=lambda moment: -moment.score)


def _together(best: Found, other: Found) -> bool:
    if best.asset_id != other.asset_id or best.row.page != other.row.page:
        return False
    if best.row.start_ms is None or other.row.start_ms is None:
        return best.row.page is not None
    gap = max(best.row.start_ms, other.row.start_ms) - min(best.row.end_ms or 0, other.row.end_ms or 0)
    return gap <= _NEAR_MS
