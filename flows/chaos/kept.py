"""What a run has kept, and what of two such states must be the same."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from flows.services.shared import vector_store
from medley.artifacts import MANIFEST
from medley.models.base import Vectors
from medley.settings import Settings
from medley.stores.connect import open_store

_SAME = 0.999  #: cosine of one text's or picture's vectors that were made in different batches
_SHOWN = 3


@dataclass(slots=True)
class Kept:
    """How each file ended, and every row of the store: its text and vector by its id."""

    items: dict[str, tuple[str, Any]] = field(default_factory=dict)
    rows: dict[tuple[str, str], tuple[str, Vectors]] = field(default_factory=dict)
    doubled: int = 0


def kept(report: Mapping[str, Any], settings: Settings) -> Kept:
    """Reads all rows of the store. `report` is that of a run over all files. Raises StoreUnavailable."""
    found = Kept()
    for item in report["items"]:
        status = "complete" if item["status"] == "unchanged" else item["status"]
        found.items[item["path"]] = (status, item["records"])
    with vector_store(settings) as address, contextlib.closing(open_store(address)) as store:
        for collection in store.collections():
            for row in store.rows(collection):
                place = (collection.space, row.record_id)
                found.doubled += place in found.rows
                found.rows[place] = (row.row.text, row.vector)
    return found


def differences(undisturbed: Kept, found: Kept) -> list[str]:
    """Lists what is not as it would be if nothing had happened."""
    wrong = [
        f"{path} is {found.items.get(path)}, it would be {known}"
        for path, known in undisturbed.items.items()
        if found.items.get(path) != known
    ][:_SHOWN]
    lost, more = undisturbed.rows.keys() - found.rows.keys(), found.rows.keys() - undisturbed.rows.keys()
    wrong += [f"{len(lost)} records are lost"] if lost else []
    wrong += [f"{len(more)} records are there that ought not to be"] if more else []
    wrong += [f"{found.doubled} records are there twice"] if found.doubled else []
    both = undisturbed.rows.keys() & found.rows.keys()
    changed = [place for place in both if not _same(undisturbed.rows[place], found.rows[place])]
    return wrong + ([f"{len(changed)} records are other ones"] if changed else [])


def _same(one: tuple[str, Vectors], other: tuple[str, Vectors]) -> bool:
    return one[0] == other[0] and float(np.dot(one[1], other[1])) >= _SAME


def manifests(home: Path) -> dict[str, str]:
    """Reads the manifest of every artifact that is kept, by its place; those of sound files are dropped after use."""
    found = {}
    for path in home.glob(f"artifacts/*/*/*/[!.]*/{MANIFEST}"):
        with contextlib.suppress(OSError, ValueError):  # a run may be at work
            found[str(path.relative_to(home))] = path.read_text()
            json.loads(found[str(path.relative_to(home))])
    return {place: manifest for place, manifest in found.items() if "/extract_audio/" not in place}
