"""From what an embedding stage left to the records of a branch, exactly once."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from medley.artifacts import ArtifactStore, Draft, Manifest
from medley.models.base import ModelSpec, Vectors
from medley.run import StoreAddress, TaskContext
from medley.stages import WRITE_STAGES, stage_of, write_stage
from medley.stores.base import SPACE_OF_BRANCH, RecordBatch, VectorStore
from medley.stores.patience import with_store
from medley.types import MODALITY_OF_BRANCH, ArtifactRef, Branch, Row

_ROWS = "rows.json"
_VECTORS = "vectors.npy"


def save_rows(path: Path, rows: Sequence[Row]) -> None:
    """Rows as JSON."""
    path.write_text(json.dumps([asdict(row) for row in rows], ensure_ascii=False))


def load_rows(path: Path) -> list[Row]:
    """What `save_rows` wrote."""
    return [Row(**row) for row in json.loads(path.read_text())]


def save_vectors(directory: Path, rows: Sequence[Row], vectors: Vectors) -> None:
    """What an embedding stage leaves: `rows.json` and `vectors.npy` (float32, one row each)."""
    np.save(directory / _VECTORS, vectors.astype(np.float32))
    save_rows(directory / _ROWS, rows)


def load_vectors(directory: Path) -> tuple[list[Row], Vectors]:
    """What `save_vectors` wrote."""
    return load_rows(directory / _ROWS), np.load(directory / _VECTORS)


def store_slot(store_key: str) -> str:
    """Stands for a store where other artifacts have their fingerprint: one write manifest for each store."""
    return hashlib.sha256(store_key.encode()).hexdigest()[:32]


def written(artifacts: ArtifactStore, asset_id: str, branch: Branch, run: TaskContext) -> Manifest | None:
    """The branch's write manifest for this store where it names this run's fingerprint, else None.

    One that does not say where the vectors are is of an older Medley: the records are written again.
    """
    stage = write_stage(branch)
    manifest = artifacts.find(asset_id, stage, store_slot(run.store.key))
    known = manifest and "vectors" in manifest.data and manifest.data.get("fingerprint") == run.fingerprints[stage]
    return manifest if known else None


def stage_manifest(name: str, asset_id: str, run: TaskContext) -> Manifest | None:
    """The manifest of a stage's artifact where it is there: then the stage is done."""
    stage = stage_of(run.flow, name)
    assert stage, name
    artifacts = ArtifactStore(run.artifacts)
    if stage.writes:
        return written(artifacts, asset_id, stage.branch, run)
    if stage.transient_for:
        reader = artifacts.find(asset_id, stage.transient_for, run.fingerprints[stage.transient_for])
        if reader is not None:
            return reader
    return artifacts.find(asset_id, name, run.fingerprints[name])


def write_branch(todo: Sequence[tuple[ArtifactRef, Draft]], branch: Branch, model: ModelSpec, run: TaskContext) -> None:
    """Makes the records of that branch of each asset those of its vectors, and notes in its draft what was written.

    The old manifests go first and the new ones come last, so that a crash in between leaves "not written".
    """
    artifacts, stage, write_id = ArtifactStore(run.artifacts), write_stage(branch), uuid.uuid4().hex
    batches = []
    for vectors, _ in todo:
        asset_id = vectors.asset.asset_id
        artifacts.remove(asset_id, stage, store_slot(run.store.key))
        rows, matrix = load_vectors(Path(vectors.directory))
        batches.append(RecordBatch(asset_id, branch, run.fingerprints[stage], write_id, rows, matrix))
    names = with_store(run.store, lambda store: store.write(SPACE_OF_BRANCH[branch], model, batches))
    for batch, (vectors, draft) in zip(batches, todo, strict=True):
        draft.data.update(
            fingerprint=batch.fingerprint,
            write_id=write_id,
            collections=names,
            records=_counted(branch, batch.rows),
            model=model.to_json(),
            vectors=str(Path(vectors.directory).relative_to(run.artifacts)),
        )


def _counted(branch: Branch, rows: Sequence[Row]) -> dict[str, int]:
    """Records by modality; the branch's own is always there."""
    return {MODALITY_OF_BRANCH[branch]: 0, **Counter[str](row.modality for row in rows)}


def retire(asset_id: str, artifacts: ArtifactStore, address: StoreAddress) -> int:
    """Removes an asset's records from the store, and counts them.

    The write manifests go first, so that a crash leaves "not written".
    """
    for stage in WRITE_STAGES:
        artifacts.remove(asset_id, stage, store_slot(address.key))
    return with_store(address, lambda store: _delete(store, asset_id))


def _delete(store: VectorStore, asset_id: str) -> int:
    count = sum(store.count(asset_id, branch) for branch in set(WRITE_STAGES.values()))
    store.delete(asset_id)
    return count
