"""From what an embedding stage left to the records of a branch, exactly once."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from medley.artifacts import ArtifactStore, Draft, Key, Manifest
from medley.dag.fingerprints import model_of
from medley.dag.stage import Stage
from medley.models.base import Vectors
from medley.run import StoreAddress, TaskContext
from medley.stores.base import RecordBatch, VectorStore
from medley.stores.patience import with_store
from medley.system.points import reach
from medley.types import ArtifactRef, Row

ROWS = "rows.json"
_VECTORS = "vectors.npy"


def save_rows(path: Path, rows: Sequence[Row]) -> None:
    """Writes rows to `path` as JSON."""
    path.write_text(json.dumps([asdict(row) for row in rows], ensure_ascii=False))


def load_rows(path: Path) -> list[Row]:
    """Reads the rows that `save_rows` wrote."""
    return [Row(**row) for row in json.loads(path.read_text())]


def save_vectors(directory: Path, rows: Sequence[Row], vectors: Vectors) -> None:
    """Writes the files of an embedding stage: `rows.json` and `vectors.npy` (float32, one vector for each row)."""
    np.save(directory / _VECTORS, vectors.astype(np.float32))
    save_rows(directory / ROWS, rows)


def load_vectors(directory: Path) -> tuple[list[Row], Vectors]:
    """Reads the rows and vectors that `save_vectors` wrote."""
    return load_rows(directory / ROWS), np.load(directory / _VECTORS)


def key_of(made: ArtifactRef) -> Key:
    """Returns the key of what a stage has made, of a stage that writes no records."""
    return made.asset.asset_id, made.stage, made.fingerprint


def store_slot(store_key: str) -> str:
    """Stands for a store where other artifacts have their fingerprint: one write manifest for each store."""
    return hashlib.sha256(store_key.encode()).hexdigest()[:32]


def written(artifacts: ArtifactStore, asset_id: str, stage: Stage, context: TaskContext) -> Manifest | None:
    """Finds the manifest that a write stage left for this store; None where it names another fingerprint.

    One that does not say where the vectors are is of an older Medley: the records are written again.
    """
    manifest = artifacts.find(asset_id, stage.name, store_slot(context.store.key))
    fingerprint = context.fingerprints[stage.name]
    known = manifest and "vectors" in manifest.data and manifest.data.get("fingerprint") == fingerprint
    return manifest if known else None


def stage_manifest(
    name: str, asset_id: str, context: TaskContext, artifacts: ArtifactStore | None = None
) -> Manifest | None:
    """Finds the manifest of a stage's artifact, in `artifacts` if given; None where the stage is not done."""
    stage, artifacts = context.dag[name], artifacts or context.artifact_store
    if stage.writes:
        return written(artifacts, asset_id, stage, context)
    if reader := context.dag.reader_of_transient(name):
        done = artifacts.find(asset_id, reader, context.fingerprints[reader])
        if done is not None:
            return done
    return artifacts.find(asset_id, name, context.fingerprints[name])


def write_branch(todo: Sequence[tuple[ArtifactRef, Draft]], stage: Stage, context: TaskContext) -> None:
    """Makes the records of a write stage's branch those of the vectors of each asset, and notes that in its draft.

    The old manifests go first and the new ones come last, so that a crash in between leaves "not written". Raises
    StoreUnavailable.
    """
    artifacts, slot, write_id = context.artifact_store, store_slot(context.store.key), uuid.uuid4().hex
    model = model_of(context.dag[stage.after[0]], context.models)
    assert model, f"{stage.name} comes after a stage that asks a model"
    batches = []
    for vectors, _ in todo:
        asset_id = vectors.asset.asset_id
        artifacts.remove(asset_id, stage.name, slot)
        rows, matrix = load_vectors(Path(vectors.directory))
        batches.append(RecordBatch(asset_id, stage.branch, context.fingerprints[stage.name], write_id, rows, matrix))
    names = with_store(context.store, lambda store: store.write(stage.space, model, batches))
    reach("records written")
    for batch, (vectors, draft) in zip(batches, todo, strict=True):
        draft.data.update(
            fingerprint=batch.fingerprint,
            write_id=write_id,
            branch=stage.branch,
            space=stage.space,
            collections=names,
            records=_counted(stage, batch.rows),
            model=model.to_json(),
            path=vectors.asset.path,
            vectors=str(Path(vectors.directory).relative_to(context.artifacts)),
        )


def _counted(stage: Stage, rows: Sequence[Row]) -> dict[str, int]:
    """Records by modality; the branch's usual one is always there."""
    return {stage.modalities[0]: 0, **Counter[str](row.modality for row in rows)}


def retire_branches(asset_id: str, skipped: Iterable[str], context: TaskContext) -> None:
    """Removes the records that stages have left of an asset for which they are skipped now. Raises StoreUnavailable.

    The manifest goes first: a crash in between leaves records that nothing has asked for, and loses none.
    """
    slot, artifacts = store_slot(context.store.key), context.artifact_store
    for stage in (context.dag[name] for name in skipped):
        if stage.writes and artifacts.find(asset_id, stage.name, slot) is not None:
            artifacts.remove(asset_id, stage.name, slot)
            with_store(context.store, partial(_delete_branch, asset_id, stage.branch))


def _delete_branch(asset_id: str, branch: str, store: VectorStore) -> None:
    store.delete(asset_id, branch)


def retire(asset_id: str, artifacts: ArtifactStore, address: StoreAddress) -> int:
    """Removes an asset's records from the store, and counts them. Raises StoreUnavailable.

    The write manifests go first, so that a crash leaves "not written".
    """
    slot = store_slot(address.key)
    for stage in artifacts.stages(asset_id, slot):
        artifacts.remove(asset_id, stage, slot)
    return with_store(address, lambda store: _delete(store, asset_id))


def _delete(store: VectorStore, asset_id: str) -> int:
    count = store.count(asset_id)
    store.delete(asset_id)
    return count
