"""Speakers by name: a voice that was named once is looked for in every file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from medley.catalog.voices import NamedVoice
from medley.models.base import Vectors
from medley.speakers import DIM, SAME_PERSON, mark
from medley.stores.base import Collection, Scope, ScoredRecord, VectorStore

SPACE = "voice"
_VOICES = Scope(modalities=("voice",))
_MOST = 10_000  # speakers of one name


def names_of(store: VectorStore, voices: Sequence[NamedVoice]) -> dict[str, str]:
    """Returns the names of speakers by their marks: each has the name of the voice that is most like theirs.

    Raises StoreUnavailable.
    """
    best: dict[str, tuple[float, str]] = {}
    for collection in _collections(store) if voices else ():
        for voice in voices:
            if voice.model != collection.model.fingerprint:
                continue
            vector = np.asarray(voice.vector, np.float32)
            for found in store.search_vector(collection, vector, _VOICES, _MOST):
                if found.score < SAME_PERSON:
                    break  # they come by likeness
                for marked in found.row.marks:
                    best[marked] = max(best.get(marked, (0.0, "")), (found.score, voice.name))
    # what somebody said of a speaker holds whatever the voice is like
    said = {mark(voice.asset_id, voice.speaker): voice.name for voice in voices}
    return {marked: name for marked, (_, name) in best.items()} | said


def voice_of(store: VectorStore, asset_id: str, speaker: int) -> tuple[str, Vectors] | None:
    """Finds the voice of a speaker of an asset: the fingerprint of its model, and the vector; None where there is none.

    Raises StoreUnavailable.
    """
    for collection in _collections(store):
        for found in _speakers(store, collection, asset_id):
            if mark(asset_id, speaker) in found.row.marks and (known := store.fetch(collection, found.record_id)):
                return collection.model.fingerprint, known[1]
    return None


def speakers_called(names: Mapping[str, str], wanted: str) -> frozenset[str]:
    """Returns the marks of the speakers of a name, in whatever case."""
    return frozenset(marked for marked, name in names.items() if name.casefold() == wanted.strip().casefold())


def numbered(asset_ids: Iterable[str], number: int) -> frozenset[str]:
    """Returns the marks of the speakers with a number in some assets."""
    return frozenset(mark(asset_id, number) for asset_id in asset_ids)


def _collections(store: VectorStore) -> list[Collection]:
    return [collection for collection in store.collections() if collection.space == SPACE]


def _speakers(store: VectorStore, collection: Collection, asset_id: str) -> list[ScoredRecord]:
    anything = np.ones(DIM, np.float32)
    return store.search_vector(collection, anything, replace(_VOICES, asset_ids=frozenset([asset_id])), _MOST)
