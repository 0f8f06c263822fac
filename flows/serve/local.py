"""Finds moments: by the service where one is up, else in this process."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from flows.serve.client import post
from flows.serve.request import FILTERS, RECORD_ID, SearchRequest
from flows.services.shared import vector_store
from medley.attached import parent_of
from medley.catalog import Catalog, open_catalog
from medley.catalog.known import assets_named, labels_used, told_of
from medley.catalog.voices import named_voices
from medley.errors import SetupError
from medley.labels import labels_in, mark
from medley.media.frames import SHOTS, shots_of
from medley.media.pictures import PICTURE, convert_picture
from medley.models.base import ModelSpec, TextEncoder
from medley.models.profiles import reached
from medley.options import PictureOptions
from medley.search import EncoderOf, Moment, query_encoder, search_moments, similar_to_picture, similar_to_record
from medley.search.floors import Floors
from medley.search.people import names_of, numbered, speakers_called
from medley.search.rerank import reranked
from medley.search.scores import words_of
from medley.settings import Settings
from medley.speakers import is_speaker, speaker_named
from medley.stores.base import Scope, ScoredRecord, VectorStore
from medley.stores.patience import with_store
from medley.tracks import track_in
from medley.types import Row

_AWAY_S = 10.0  # as long as a store that is started again is waited for by somebody who sits there
_NAMED = 50  # files whose names fit, at most

#: `{"query", "hits", "notes"}`, as `medley search --json` prints it.
Found = dict[str, Any]


def find(request: SearchRequest, settings: Settings) -> Found:
    """Finds the hits and returns them in the form of the command line contract.

    They come from the service where one is up, and are else found in this process.
    """
    found = post(request, settings)
    return find_here(request, settings) if found is None else found


def find_here(request: SearchRequest, settings: Settings) -> Found:
    """Returns the hits as `find` does, but encodes the query in this process."""
    with vector_store(settings) as address:
        return with_store(address, lambda store: find_in(store, request, settings), _AWAY_S)


def find_in(
    store: VectorStore,
    request: SearchRequest,
    settings: Settings,
    catalog: Catalog | None = None,
    encoders: EncoderOf | None = None,
) -> Found:
    """Returns the hits as `find` does, from a store that is open. `notes` say which filters left nothing to find."""
    catalog = catalog or open_catalog(settings)
    within = _Within(store, catalog, settings, encoders or (lambda spec: encoder_of(spec, settings)))
    moments = _moments(request, within)
    notes = [] if moments or request.offset else _emptied(request, within)
    ids = [moment.asset_id for moment in moments]
    paths, told = catalog.newest_locations(ids), told_of(catalog.engine, ids)
    hits = [_hit(moment, paths.get(moment.asset_id), settings) for moment in moments]
    _read_marks(hits, store, catalog)
    for hit in hits:
        hit["title"] = told.get(hit["asset_id"], {}).get("title")
    return {"query": request.query, "hits": hits, "notes": notes, "loading": False}


def _read_marks(hits: list[dict[str, Any]], store: VectorStore, catalog: Catalog) -> None:
    """Reads the marks of the evidence: who speaks, by name or number, and the labels."""
    pieces = [piece for hit in hits for piece in hit["evidence"]]
    marked = any(piece["speaker"] for piece in pieces)
    names = names_of(store, named_voices(catalog.engine)) if marked else {}
    for piece in pieces:
        piece["speaker"] = speaker_named(piece["speaker"], names)
    for hit in hits:
        hit["labels"] = list(dict.fromkeys(label for piece in hit["evidence"] for label in piece["labels"]))
        hit["speaker"] = next((piece["speaker"] for piece in hit["evidence"] if piece["speaker"]), None)


@dataclass(frozen=True, slots=True)
class _Within:
    """What a search looks at."""

    store: VectorStore
    catalog: Catalog
    settings: Settings
    encoders: EncoderOf


def _emptied(request: SearchRequest, within: _Within) -> list[str]:
    """Which conditions are to blame for an empty answer: those without which there is one."""
    if not request.filters:
        return []
    few = request.model_copy(update={"limit": 1})
    alone = [name for name in request.filters if _moments(few.without(name), within)]
    if alone:
        named = [f"{FILTERS[name]} {_told(request, name)}" for name in alone]
        return [f"{each} leaves nothing: without that filter there are hits" for each in named]
    if _moments(few.without(*request.filters), within):
        together = ", ".join(f"{FILTERS[name]} {_told(request, name)}" for name in request.filters)
        return [f"{together} together leave nothing: without them there are hits"]
    return []


def _told(request: SearchRequest, name: str) -> str:
    value = getattr(request, name)
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _moments(request: SearchRequest, within: _Within) -> list[Moment]:
    scope, last = request.scope(within.catalog), request.offset + request.limit
    if request.speaker:
        scope = _said_by(request.speaker, scope, within)
    how: dict[str, Any] = {"scope": scope, "limit": last}
    if request.like is not None:
        return _worth(_alike(request.like, how, within), request)
    found = search_moments(
        within.store,
        request.query,
        encoder_of=within.encoders,
        floors=_floors(within.settings.run_dir / "floors.json"),
        named=_named(request.query, within.catalog),
        **how,
    )
    if request.rerank != "no":
        found = reranked(found, request.query, request.rerank, within.store, within.settings, within.encoders)
    return _worth(found, request)


def _said_by(speaker: str, scope: Scope, within: _Within) -> Scope:
    """Looks only at what a speaker says. Raises SetupError where nobody has that name."""
    marks = speakers_called(names_of(within.store, named_voices(within.catalog.engine)), speaker)
    number = speaker.casefold().removeprefix("speaker").strip()
    if not marks and number.isdecimal() and scope.asset_ids is not None:
        marks = numbered(scope.asset_ids, int(number))
    if not marks:
        raise SetupError(
            f"no speaker is called {speaker}",
            remedy="See `medley speakers`; a number goes with a file: --file PATH --speaker 2",
        )
    return replace(scope, marks=(*scope.marks, marks))


def _worth(found: list[Moment], request: SearchRequest) -> list[Moment]:
    return [moment for moment in found if moment.score >= request.least][request.offset :]


def encoder_of(spec: ModelSpec, settings: Settings) -> TextEncoder:
    """Returns the encoder of queries for a model of the store. Raises ModelUnavailable."""
    return query_encoder(reached(spec, settings))


@lru_cache
def _floors(file: Path) -> Floors:
    return Floors(file)


def _named(query: str, catalog: Catalog) -> list[str]:
    """Assets whose names and tags have all words of the query, as far as those tell anything."""
    words = [word for word in words_of(query) if len(word) > 1]
    if not words:
        return []
    ids = assets_named(catalog.engine, words, _NAMED)
    if not ids:  # mostly: two questions to the catalog less for each search
        return []
    names, told, wanted = catalog.newest_locations(ids), told_of(catalog.engine, ids), set(words)
    called = {id_: " ".join((_spoken(os.path.basename(names.get(id_, ""))), *told[id_].values())) for id_ in ids}
    return [asset_id for asset_id in ids if wanted <= set(words_of(called[asset_id]))]


def _spoken(name: str) -> str:
    """A file's name as words: budget_2024-final.PDF is budget 2024 final PDF."""
    return re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)", " ", name))


def _alike(like: str, how: dict[str, Any], within: _Within) -> list[Moment]:
    if re.fullmatch(RECORD_ID, like):
        found = similar_to_record(within.store, like, **how)
        if found is None:
            raise SetupError(f"there is no record {like}", remedy="medley search --json shows the ids")
        return found
    source, limits = Path(os.path.abspath(os.path.expanduser(like))), within.settings.limits
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory, PICTURE)
        convert_picture(source, copy, PictureOptions().max_side_px, limits)
        return similar_to_picture(within.store, copy, encoder_of=within.encoders, **how)


def _hit(moment: Moment, path: str | None, settings: Settings) -> dict[str, Any]:
    evidence = [_evidence(piece.found, piece.score, piece.raw, settings) for piece in moment.evidence]
    frames = [piece.found.row for piece in moment.evidence if piece.found.row.modality == "frame"]
    best = evidence[0]
    return {
        "score": round(moment.score, 6),
        "weak": moment.weak,
        "path": path,
        "parent": parent_of(path) if path else None,
        "asset_id": moment.asset_id,
        "record_id": best["record_id"],
        "modality": best["modality"],
        "start_s": best["start_s"],
        "end_s": best["end_s"],
        "shot": _shot(frames[0], settings) if frames else None,
        "track": best["track"],
        "page": best["page"],
        "box": best["box"],
        "text": best["text"],
        "thumbnail": next((piece["thumbnail"] for piece in evidence if piece["thumbnail"]), None),
        "evidence": evidence,
    }


def _shot(row: Row, settings: Settings) -> list[float] | None:
    """From when until when the shot of a frame is on."""
    if row.start_ms is None or not row.thumbnail:  # imported without its pictures
        return None
    shots = settings.artifact_store.file(str(Path(row.thumbnail).with_name(SHOTS)))
    if not shots.is_file():  # of an older version
        return None
    at_s = row.start_ms / 1000
    found = [list(shot) for shot in shots_of(shots.parent) if shot[0] <= at_s + 0.001]
    return found[-1] if found else None


def labels_of(store: VectorStore, catalog: Catalog) -> list[tuple[str, int]]:
    """Counts the records of each label that runs have looked for, most first. Raises StoreUnavailable."""
    counted = [(label, store.count_marked(mark(label))) for label in labels_used(catalog.engine)]
    return sorted(((label, count) for label, count in counted if count), key=lambda one: (-one[1], one[0]))


def record_json(found: ScoredRecord, path: str | None, settings: Settings) -> dict[str, Any]:
    """Describes one record as a hit does, without a score."""
    known = _evidence(found, 1.0, {}, settings)
    for left_out in ("score", "raw", "speaker", "labels"):
        del known[left_out]
    return {**known, "path": path, "asset_id": found.asset_id}


def _evidence(found: ScoredRecord, score: float, raw: Any, settings: Settings) -> dict[str, Any]:
    row = found.row
    return {
        "record_id": found.record_id,
        "modality": row.modality,
        "score": round(score, 6),
        "raw": {name: round(value, 6) for name, value in raw.items()},
        "start_s": None if row.start_ms is None else row.start_ms / 1000,
        "end_s": None if row.end_ms is None else row.end_ms / 1000,
        "page": row.page,
        "box": list(row.box) if row.box else None,
        "text": row.text,
        "labels": labels_in(row.marks),
        "track": track_in(row.marks),
        "speaker": next((one for one in row.marks if is_speaker(one)), None),
        "thumbnail": str(settings.artifact_store.file(row.thumbnail)) if row.thumbnail else None,
    }
