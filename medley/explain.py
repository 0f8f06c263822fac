"""Where a record comes from, back to the bytes, and what was made of a file: all of it from notes made at the time."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from medley.artifacts import ArtifactStore, sha256_of
from medley.catalog import Catalog
from medley.catalog.details import asset_details
from medley.content import dags_of
from medley.dag.pipeline import Dag
from medley.dag.stage import Stage
from medley.errors import MissingFile
from medley.options import FileOptions
from medley.records import store_slot
from medley.sources.urls import is_url
from medley.stores.base import VectorStore

Facts = dict[str, Any]


def explain_asset(
    asset_id: str, catalog: Catalog, artifacts: ArtifactStore, store_key: str, *, read: bool = True
) -> Facts:
    """Tells everything that holds something of a file: stages with models, options and runs, artifacts, records.

    With `read` the file's bytes are compared with those that were indexed. Raises MissingFile where the asset is
    unknown.
    """
    known = asset_details(catalog.engine, asset_id)
    if known is None:
        raise MissingFile(f"there is no asset {asset_id}", remedy="See `medley status`")
    stages = list[Facts]()
    for dag, options in dags_of(asset_id, catalog):
        models = next(one["models"] for one in known["outcomes"] if one["flow"] == dag.pipeline)
        for stage in dag.values():
            done = [row for row in known["stages"] if row["stage"] == stage.name and row["state"] == "completed"]
            if done:
                kept = _artifact(asset_id, stage, done[0]["fingerprint"], artifacts, store_key)
                stages.append({**_stage(stage, done[0], options, models), "artifact": kept})
    return {
        "asset_id": asset_id,
        "paths": [{"path": path, "state": _state(path, asset_id, read)} for path in known["paths"]],
        "media_type": (known["media"] or {}).get("media_type"),
        **{name: known[name] for name in ("size_bytes", "about", "tags", "outcomes")},
        "stages": stages,
    }


def explain_record(
    record_id: str,
    catalog: Catalog,
    artifacts: ArtifactStore,
    store: VectorStore,
    store_key: str,
    *,
    read: bool = True,
) -> Facts | None:
    """Tells how a record came about: its file, and the stages that led to it. None where there is no such record."""
    for collection in store.collections():
        if known := store.fetch(collection, record_id):
            found = known[0]
            facts = explain_asset(found.asset_id, catalog, artifacts, store_key, read=read)
            chain = _chain(found.branch, [dag for dag, _ in dags_of(found.asset_id, catalog)])
            facts["stages"] = [stage for stage in facts["stages"] if stage["stage"] in chain]
            row = found.row
            place: Facts = {"start_ms": row.start_ms, "end_ms": row.end_ms, "page": row.page}
            place["box"] = list(row.box) if row.box else None
            told = {"record_id": record_id, "branch": found.branch, "modality": row.modality, "text": row.text}
            where = {"collection": collection.name, "model": f"{collection.model.id}@{collection.model.revision}"}
            return {"record": told | place | where, **facts}
    return None


def _chain(branch: str, dags: Iterable[Dag]) -> set[str]:
    """The stages of a branch, and those that it reads of others."""
    found: set[str] = set()
    for dag in dags:
        for stage in reversed(list(dag.values())):
            if stage.branch == branch or stage.name in found:
                found |= {stage.name, *stage.after}
    return found


def _stage(stage: Stage, row: Facts, options: FileOptions, models: dict[str, str]) -> Facts:
    kind = stage.model if isinstance(stage.model, str) else stage.model.kind if stage.model else None
    names = ("run_id", "started", "seconds", "attempts", "fingerprint")
    return {
        "stage": stage.name,
        "branch": stage.branch,
        "does": stage.doc,
        "model": models.get(kind, kind) if kind else None,
        "options": stage.reads(options),
        **{name: row[name] for name in names},
    }


def _artifact(asset_id: str, stage: Stage, fingerprint: str, artifacts: ArtifactStore, store_key: str) -> Facts | None:
    """What is kept of a stage: how many files and bytes, and of a write how many records."""
    manifest = artifacts.find(asset_id, stage.name, store_slot(store_key) if stage.writes else fingerprint)
    if manifest is None:
        return None
    told = {
        name: manifest.data[name] for name in ("records", "collections", "notes", "damage") if manifest.data.get(name)
    }
    size = sum(known["size"] for known in manifest.files.values())
    return {"created": manifest.created, "run_id": manifest.run_id, "files": len(manifest.files), "bytes": size, **told}


def _state(path: str, asset_id: str, read: bool) -> str:
    """Whether the file is there, and with `read` whether it still is what was indexed."""
    if is_url(path):
        return "elsewhere"
    if not os.path.isfile(path):
        return "gone"
    if not read:
        return "there"
    return "as it was" if sha256_of(Path(path)) == asset_id else "changed"
