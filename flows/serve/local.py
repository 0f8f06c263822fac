"""Finds moments: by the query process where one is up, else in this process."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from flows.serve.client import post
from flows.serve.request import SearchRequest
from flows.services.shared import vector_store
from medley.catalog import open_catalog
from medley.errors import SetupError
from medley.media.pictures import PICTURE, convert_picture
from medley.models.profiles import reached
from medley.options import PictureOptions
from medley.search import Moment, query_encoder, search_moments, similar_to_picture, similar_to_record
from medley.settings import Settings
from medley.stores.base import Scope, ScoredRecord, VectorStore
from medley.stores.patience import with_store

_AWAY_S = 10.0  # as long as a store that is started again is waited for by somebody who sits there


def find(request: SearchRequest, settings: Settings) -> list[dict[str, Any]]:
    """Finds the hits and returns them in the form of the command line contract.

    They come from the query process where one is up, and are else found in this process.
    """
    hits = post(request, settings)
    return find_here(request, settings) if hits is None else hits


def find_here(request: SearchRequest, settings: Settings) -> list[dict[str, Any]]:
    """Returns the hits as `find` does, but encodes the query in this process."""
    catalog = open_catalog(settings)
    scope = request.scope(catalog)
    with vector_store(settings) as address:
        moments = with_store(address, lambda store: _moments(store, request, scope, settings), _AWAY_S)
    paths = catalog.newest_locations([moment.asset_id for moment in moments])
    return [_hit(moment, paths.get(moment.asset_id), settings) for moment in moments]


def _moments(store: VectorStore, request: SearchRequest, scope: Scope, settings: Settings) -> list[Moment]:
    if request.like is None:
        how: dict[str, Any] = {"scope": scope, "limit": request.limit}
        return search_moments(
            store, request.query, encoder_of=lambda spec: query_encoder(reached(spec, settings)), **how
        )
    if re.fullmatch(r"[0-9a-f]{40}", request.like):
        found = similar_to_record(store, request.like, scope=scope, limit=request.limit)
        if found is None:
            raise SetupError(f"there is no record {request.like}", remedy="medley search --json shows the ids")
        return found
    source = Path(os.path.abspath(os.path.expanduser(request.like)))
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory, PICTURE)
        convert_picture(source, copy, PictureOptions().max_side_px, settings.limits)
        return similar_to_picture(store, copy, scope=scope, limit=request.limit)


def _hit(moment: Moment, path: str | None, settings: Settings) -> dict[str, Any]:
    best = _evidence(moment.evidence[0].found, moment.score, settings)
    evidence = [_evidence(piece.found, piece.score, settings) for piece in moment.evidence]
    return {
        "score": best["score"],
        "path": path,
        "asset_id": moment.asset_id,
        "record_id": best["record_id"],
        "modality": best["modality"],
        "start_s": best["start_s"],
        "end_s": best["end_s"],
        "page": best["page"],
        "box": best["box"],
        "text": best["text"],
        "thumbnail": next((piece["thumbnail"] for piece in evidence if piece["thumbnail"]), None),
        "evidence": evidence,
    }


def _evidence(found: ScoredRecord, score: float, settings: Settings) -> dict[str, Any]:
    row = found.row
    return {
        "record_id": found.record_id,
        "modality": row.modality,
        "score": round(score, 6),
        "start_s": None if row.start_ms is None else row.start_ms / 1000,
        "end_s": None if row.end_ms is None else row.end_ms / 1000,
        "page": row.page,
        "box": list(row.box) if row.box else None,
        "text": row.text,
        "thumbnail": str(settings.artifact_store.file(row.thumbnail)) if row.thumbnail else None,
    }
