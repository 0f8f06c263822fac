"""Looking after what is kept: leftovers collected, the index made anew from artifacts."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medley.artifacts import ArtifactStore, Key, Manifest
from medley.catalog import Catalog
from medley.catalog.known import knows
from medley.models.base import spec_from_json
from medley.records import load_vectors, store_slot
from medley.run import StoreAddress
from medley.stores.base import RecordBatch, VectorStore
from medley.stores.connect import open_store


@dataclass(slots=True)
class Rebuilt:
    """What `rebuild_index` has done. `lacking` names assets whose artifacts are gone: their next run makes them."""

    assets: int
    records: int
    lacking: list[str]
    written: int = 0  #: branches


def collect_garbage(catalog: Catalog, artifacts: ArtifactStore) -> tuple[int, int]:
    """Removes directories of assets that the catalog does not know; how many, and how many bytes they took."""
    count = freed = 0
    for asset_id in artifacts.assets():
        if not knows(catalog.engine, asset_id) and not catalog.claimed(asset_id):
            freed += artifacts.remove_asset(asset_id)[1]
            count += 1
    artifacts.forget_copies(lambda asset_id: knows(catalog.engine, asset_id))
    return count, freed


def rebuild_index(artifacts: ArtifactStore, address: StoreAddress, claim: Callable[[str], bool]) -> Rebuilt:
    """Writes all records of all assets anew from their artifacts, without any model.

    `claim` says whether an asset is this process's to work on.
    """
    store = open_store(address)
    try:
        work = _Rebuild(artifacts, store_slot(address.key), store)
        for asset_id in artifacts.assets():
            if claim(asset_id):
                work.asset(asset_id)
    finally:
        store.close()
    return work.done


def rebuild_branch(artifacts: ArtifactStore, store: VectorStore, slot: str, asset_id: str, branch: str) -> None:
    """Writes the records of one branch of an asset anew from its artifacts, where these are there."""
    work = _Rebuild(artifacts, slot, store)
    for stage in artifacts.stages(asset_id, slot):
        manifest = artifacts.find(asset_id, stage, slot)
        if manifest and {**_of_an_older_medley(stage), **manifest.data}["branch"] == branch:
            work.stage(asset_id, stage)


class _Rebuild:
    def __init__(self, artifacts: ArtifactStore, slot: str, store: VectorStore) -> None:
        self._artifacts, self._slot, self._store = artifacts, slot, store
        self.done = Rebuilt(0, 0, [])

    def asset(self, asset_id: str) -> None:
        before = self.done.written
        for stage in self._artifacts.stages(asset_id, self._slot):
            self.stage(asset_id, stage)
        self.done.assets += self.done.written > before

    def stage(self, asset_id: str, stage: str) -> None:
        manifest = self._artifacts.find(asset_id, stage, self._slot)
        if manifest is None:
            return
        self._artifacts.remove(asset_id, stage, self._slot)
        key = vectors_key(manifest)
        if key and self._artifacts.find(*key):
            with self._artifacts.hold([key]) as [source]:
                self.done.records += self._branch(asset_id, stage, manifest, source)
            self.done.written += 1
        else:
            self.done.lacking.append(asset_id)

    def _branch(self, asset_id: str, stage: str, manifest: Manifest, source: Path) -> int:
        rows, vectors = load_vectors(source)
        data = {**_of_an_older_medley(stage), **manifest.data, "write_id": uuid.uuid4().hex}
        batch = RecordBatch(asset_id, data["branch"], data["fingerprint"], data["write_id"], rows, vectors)
        names = self._store.write(data["space"], spec_from_json(data["model"]), [batch])
        with self._artifacts.create(asset_id, stage, self._slot, manifest.run_id) as draft:
            draft.data.update({**data, "collections": names})
        return len(rows)


def _of_an_older_medley(stage: str) -> dict[str, str]:
    """Branch and space of records whose manifest does not say them: version 0.1 had our own pipelines only."""
    branch = stage.removeprefix("write_")
    return {"branch": branch, "space": "image" if branch in ("frames", "images") else "text"}


def vectors_key(manifest: Manifest) -> Key | None:
    """Returns the key of the vectors that a write stage has written; None where its manifest does not say."""
    match str(manifest.data.get("vectors", "")).split("/"):
        case [_, asset_id, stage, fingerprint]:
            return asset_id, stage, fingerprint
        case _:
            return None


def size_of(directory: Path) -> int:
    """Sums the bytes of all files below a directory."""
    total = 0
    for where, _, names in os.walk(directory):
        total += sum(os.lstat(os.path.join(where, name)).st_size for name in names)
    return total
