"""The floor of each model and modality: known, or measured with queries that nothing in a collection should fit."""

from __future__ import annotations

import json
import time
from pathlib import Path

from medley.labels import unrelated_texts
from medley.models.base import TextEncoder
from medley.search.scores import KNOWN, Floor, floor_from
from medley.stores.base import Collection, Scope, VectorStore
from medley.types import Modality

_FRESH_S = 24 * 3600.0  #: a collection grows: what was measured is measured again
_UNSURE = Floor(0.3, 0.6)  #: of an empty collection


class Floors:
    """Floors by collection and modality. Those of models that Medley does not know are kept in `file` for a day."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._measured: dict[str, tuple[float, Floor]] = _read(file) if file else {}

    def of(self, store: VectorStore, collection: Collection, encoder: TextEncoder, modality: Modality) -> Floor:
        """Returns the floor of a modality in a collection. Raises StoreUnavailable."""
        if known := KNOWN.get(collection.model.id):
            return known.get(modality) or known[""]
        name = f"{collection.name} {modality}"
        measured = self._measured.get(name)
        if measured is None or time.time() > measured[0] + _FRESH_S:
            measured = time.time(), measure(store, collection, encoder, Scope(modalities=(modality,)))
            self._measured[name] = measured
            self._write()
        return measured[1]

    def _write(self) -> None:
        if self._file:
            known = {name: [at, floor.border, floor.good] for name, (at, floor) in self._measured.items()}
            draft = self._file.with_suffix(".part")
            draft.write_text(json.dumps(known))
            draft.replace(self._file)


def measure(store: VectorStore, collection: Collection, encoder: TextEncoder, scope: Scope) -> Floor:
    """Measures the floor of a part of a collection: how well fifty unrelated queries fit the best of its records."""
    vectors = encoder.encode_texts(unrelated_texts())
    answers = (store.search_vector(collection, vector, scope, 1) for vector in vectors)
    best = [hits[0].score for hits in answers if hits]
    return floor_from(best) if best else _UNSURE


def _read(file: Path) -> dict[str, tuple[float, Floor]]:
    try:
        known = json.loads(file.read_text())
        return {name: (at, Floor(border, good)) for name, (at, border, good) in known.items()}
    except (OSError, ValueError, TypeError):  # none yet, or cut off: measured again
        return {}
