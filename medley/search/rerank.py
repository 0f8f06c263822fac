"""A second look at what was found: by token vectors of the text model, or by a reranker behind a URL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

from medley.errors import SetupError, TransientError
from medley.search.moments import Evidence, Moment, fused
from medley.search.spaces import EncoderOf
from medley.settings import Settings
from medley.stores.base import VectorStore

_TEXTS = 50  #: that are looked at again
_WEIGHT = 0.6  #: of the second look
_LETTERS = 4000  #: of each text

Judge = Callable[[str, Sequence[str]], Sequence[float]]


def reranked(
    moments: Sequence[Moment],
    query: str,
    how: Literal["tokens", "endpoint"],
    store: VectorStore,
    settings: Settings,
    encoder_of: EncoderOf,
) -> list[Moment]:
    """Orders moments anew by what a second model says of their texts; pictures keep their scores.

    Raises SetupError where no second model is to be had, TransientError where its server does not answer.
    """
    judge = _by_endpoint(settings) if how == "endpoint" else _by_tokens(store, encoder_of)
    pieces = [piece for moment in moments for piece in moment.evidence]
    texts = [piece for piece in pieces if piece.found.row.text][:_TEXTS]
    if not texts:
        return list(moments)
    judged = judge(query, [piece.found.row.text[:_LETTERS] for piece in texts])
    again = {piece.found.record_id: _joined(piece, value) for piece, value in zip(texts, judged, strict=True)}
    return fused(again.get(piece.found.record_id, piece) for piece in pieces)


def _joined(piece: Evidence, value: float) -> Evidence:
    score = (1 - _WEIGHT) * piece.score + _WEIGHT * min(1.0, max(0.0, value))
    return replace(piece, score=score, raw={**piece.raw, "rerank": value})


def _by_tokens(store: VectorStore, encoder_of: EncoderOf) -> Judge:
    """Late interaction (ColBERT, SIGIR 2020): each token of the query with the best one of the text."""
    for collection in store.collections():
        if collection.space == "text":
            encoder: Any = encoder_of(collection.model)
            if hasattr(encoder, "encode_tokens"):
                return lambda query, texts: _late_interaction(encoder, query, texts)
    raise SetupError(
        "the text model of this index gives no token vectors",
        remedy="Use rerank=endpoint, or a model that sentence-transformers runs",
    )


def _late_interaction(encoder: Any, query: str, texts: Sequence[str]) -> list[float]:
    asked, *known = encoder.encode_tokens([query, *texts])
    return [float((asked @ tokens.T).max(axis=1).mean()) for tokens in known]


def _by_endpoint(settings: Settings) -> Judge:
    at = settings.reranker
    if not at.base_url:
        raise SetupError("no reranker is set", remedy="Set MEDLEY_RERANKER__BASE_URL to a server that has /rerank")
    return lambda query, texts: _asked(settings, query, texts)


def _asked(settings: Settings, query: str, texts: Sequence[str]) -> list[float]:
    import httpx  # 0.2 s, which other searches spare

    at, where = settings.reranker, f"the reranker at {settings.reranker.base_url}"
    headers = {"Authorization": f"Bearer {at.api_key.get_secret_value()}"} if at.api_key else {}
    asked: dict[str, Any] = {"query": query, "documents": list(texts), "model": at.model}
    try:
        url = f"{str(at.base_url).rstrip('/')}/rerank"
        answer = httpx.post(url, json=asked, headers=headers, timeout=at.timeout_s)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["results"]
        values = {int(one["index"]): float(one["relevance_score"]) for one in found}
    except httpx.HTTPError as error:
        raise TransientError(f"{where} does not answer: {error}", remedy="Is the server running?") from error
    except (ValueError, KeyError, TypeError) as error:
        raise TransientError(f"{where} gives no results", remedy="It must answer as Cohere's and Jina's do") from error
    return [values.get(n, 0.0) for n in range(len(texts))]
