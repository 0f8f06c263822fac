"""Whether all that is kept agrees: catalog, artifacts, and the rows of the store. Nothing is changed here.

What ought to be follows from what is: the catalog says which stages were done for an asset, their manifests say which
files there are and with which hashes, and the files of vectors say which rows the store has.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

import numpy as np
from sqlalchemy import select

from medley.artifacts import MANIFEST, ArtifactStore, Key, Manifest, sha256_of
from medley.catalog import Catalog
from medley.catalog.alive import is_alive, now
from medley.catalog.known import knows
from medley.catalog.reading import rows
from medley.catalog.tables import locations, outcomes, runs
from medley.content import stages_done
from medley.errors import MedleyError
from medley.models.base import Vectors, spec_from_json
from medley.records import load_vectors, store_slot
from medley.stores.base import RecordBatch, VectorStore, record_id
from medley.stores.milvus_schema import cut
from medley.types import Row, utc_now
from medley.upkeep import vectors_key

#: What mends a fault: records written anew from what is kept, the stage run again, records removed, a run settled; of
#: "ingest" only the user knows where the file is.
Mend = Literal["write", "run", "remove", "settle", "ingest"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not agree. `key`: the artifact to make again; `branch`: whose records are concerned."""

    kind: str
    asset_id: str
    what: str
    cause: str
    mend: Mend
    branch: str = ""
    key: Key | None = None
    path: str = ""  #: of an asset of which the catalog knows none

    def to_json(self) -> dict[str, object]:
        """Returns the fault as a program reads it."""
        return asdict(self)


@dataclass(slots=True)
class Checked:
    """What was looked at, and what is wrong."""

    assets: int = 0
    artifacts: int = 0
    records: int = 0
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class _Sum:
    """Rows of a branch of an asset: how many, and the sum of their digests, whatever their order."""

    count: int = 0
    digest: int = 0
    ids: int = 0

    def add(self, row_id: str, digest: bytes) -> None:
        self.count += 1
        self.ids ^= int.from_bytes(hashlib.sha256(row_id.encode()).digest()[:16], "big")
        self.digest ^= int.from_bytes(digest[:16], "big")


_Sums = defaultdict[tuple[str, str, str], _Sum]  # by asset, branch and space


class Verifier:
    """Looks at everything once. `only`: ids of the assets that are looked at; None: all."""

    def __init__(
        self, catalog: Catalog, artifacts: ArtifactStore, store: VectorStore, store_key: str, only: set[str] | None
    ) -> None:
        self._catalog, self._artifacts, self._store, self._slot = catalog, artifacts, store, store_slot(store_key)
        self._only = only
        self._expected: _Sums = defaultdict(_Sum)
        self._broken: set[tuple[str, str]] = set()  # assets and branches whose records cannot be told
        self._unsure: set[str] = set()  # assets of which a note of a write cannot be read
        self.done = Checked()

    def check(self, step: Callable[[str], object] = lambda what: None) -> Checked:
        """Checks all; tells `step` what is looked at. Raises StoreUnavailable, TransientError."""
        began = utc_now()
        known = {row.asset_id for row in rows(self._catalog.engine, select(outcomes.c.asset_id))}
        step("artifacts")
        kept = set(self._artifacts.assets())
        for asset_id in sorted((kept | known) if self._only is None else (kept | known) & self._only):
            self._asset(asset_id)
        step("records")
        self._records()
        step("runs")
        self._runs()
        self.done.faults = [one for one in self.done.faults if not self._in_hand(one.asset_id, began)]
        return self.done

    def _in_hand(self, asset_id: str, since: str) -> bool:
        """Whether a run is at work on it, or was meanwhile: what looks wrong was on its way."""
        ended = select(outcomes.c.flow).where(outcomes.c.asset_id == asset_id, outcomes.c.updated >= since)
        return bool(asset_id) and (self._catalog.claimed(asset_id) or bool(rows(self._catalog.engine, ended)))

    def _fault(self, kind: str, asset_id: str, what: str, cause: str, mend: Mend, **more: object) -> None:
        self.done.faults.append(replace(Fault(kind, asset_id, what, cause, mend), **more))  # type: ignore[arg-type]

    def _asset(self, asset_id: str) -> None:
        self.done.assets += 1
        writes = [(stage, self._artifacts.find(asset_id, stage, self._slot)) for stage in self._written(asset_id)]
        if known := [manifest for _, manifest in writes if manifest]:
            self._in_catalog(asset_id, known[0])
        keys = dict[Key, str]()  # and the branch whose rows cannot be told without the artifact
        for stage, fingerprint in stages_done(asset_id, self._catalog):
            keys[asset_id, stage.name, self._slot if stage.writes else fingerprint] = (
                stage.branch if stage.writes else ""
            )
        written = [(manifest, vectors) for _, manifest in writes if manifest and (vectors := vectors_key(manifest))]
        keys |= {(asset_id, name, self._slot): keys.get((asset_id, name, self._slot), "") for name, _ in writes}
        keys |= {vectors: str(manifest.data.get("branch")) for manifest, vectors in written}
        if len(written) < len(writes):
            self._unsure.add(asset_id)
        for key, branch in keys.items():
            self._artifact(key, branch)
        for manifest, vectors in written:
            self._expect(manifest, vectors)

    def _written(self, asset_id: str) -> list[str]:
        return self._artifacts.stages(asset_id, self._slot)

    def _in_catalog(self, asset_id: str, written: Manifest) -> None:
        """Whether the catalog knows of what is kept: the asset, a path, how its work ended."""
        ended = select(outcomes.c.status)
        engine, path, lost = self._catalog.engine, str(written.data.get("path", "")), "a row of the catalog was lost"
        if not rows(engine, select(locations.c.path).where(locations.c.asset_id == asset_id)):
            same = os.path.isfile(path) and sha256_of(path) == asset_id
            what, mend = "its records are searched, and the catalog knows no path of it", "run" if same else "ingest"
            self._fault("unknown", asset_id, what, lost, mend, path=path if same else "")  # type: ignore[arg-type]
        elif not (knows(engine, asset_id) and rows(engine, ended.where(outcomes.c.asset_id == asset_id))):
            what = "its records are searched, and the catalog does not say what it is, or how its work ended"
            self._fault("outcome", asset_id, what, lost, "run")

    def _artifact(self, key: Key, branch: str) -> None:
        """Whether an artifact is there, and its files are what its manifest says."""
        self.done.artifacts += 1
        asset_id, stage, _ = key
        manifest = self._artifacts.find(*key)
        if manifest is None:
            self._broken.add((asset_id, branch))
            what = f"what {stage} made of it is missing, or not whole"
            self._fault("artifact", asset_id, what, "files were removed, or a disk was full", "run", key=key)
        elif wrong := self._changed(key, manifest):
            self._broken.add((asset_id, branch))
            what = f"{wrong} of {stage} is not what was written"
            self._fault("artifact", asset_id, what, "a disk's fault, or somebody changed it", "run", key=key)

    def _changed(self, key: Key, manifest: Manifest) -> str:
        """The first file whose hash is another one; "" where all are as they were."""
        try:
            with self._artifacts.hold([key]) as [directory]:
                for name, known in manifest.files.items():
                    if name != MANIFEST and sha256_of(directory / name) != known["sha256"]:
                        return name
        except (OSError, KeyError, MedleyError):
            return "a file"
        return ""

    def _expect(self, manifest: Manifest, vectors: Key) -> None:
        """Counts the rows that the store has to have, from the vectors that were written."""
        asset_id, data = vectors[0], manifest.data
        try:
            with self._artifacts.hold([vectors]) as [directory]:
                made, matrix = load_vectors(directory)
            spec = spec_from_json(data["model"])
            batch = RecordBatch(asset_id, data["branch"], data["fingerprint"], data["write_id"], made, matrix)
        except (OSError, ValueError, KeyError, TypeError, MedleyError):  # said already: its branch is left alone
            self._broken.add((asset_id, str(data.get("branch"))))
            return
        total = self._expected[asset_id, batch.branch, data["space"]]
        for n, row in enumerate(batch.rows):
            known = record_id(batch, n, spec)
            total.add(known, _digest(known, batch.write_id, batch.fingerprint, row, batch.vectors[n]))

    def _records(self) -> None:
        """Whether the store has these rows and no others."""
        found: _Sums = defaultdict(_Sum)
        for collection in self._store.collections():
            for stored in self._store.rows(collection):
                if self._only is None or stored.asset_id in self._only:
                    self.done.records += 1
                    digest = _digest(stored.record_id, stored.write_id, stored.fingerprint, stored.row, stored.vector)
                    found[stored.asset_id, stored.branch, collection.space].add(stored.record_id, digest)
        for place in sorted(found.keys() | self._expected.keys()):
            asset_id, branch, _ = place
            there, wanted = found[place], self._expected[place]
            if there != wanted and (asset_id, branch) not in self._broken:
                self._differ(asset_id, branch, there, wanted)

    def _differ(self, asset_id: str, branch: str, there: _Sum, wanted: _Sum) -> None:
        if not wanted.count and not self._kept(asset_id, branch):
            if asset_id in self._unsure:
                return  # they may be what that note is of
            what = f"{there.count} records of {branch} that no stage has written"
            self._fault("records", asset_id, what, "a run was killed while it wrote", "remove", branch=branch)
        elif there.count != wanted.count or there.ids != wanted.ids:
            what = f"{there.count} records of {branch} in the store, {wanted.count} were written"
            self._fault("records", asset_id, what, "the store lost or doubled some", "write", branch=branch)
        else:
            what = f"records of {branch} in the store are not what was written"
            self._fault(
                "records", asset_id, what, "they are of an older write, or were changed", "write", branch=branch
            )

    def _kept(self, asset_id: str, branch: str) -> bool:
        """Whether there is a note of a write of that branch, if only of no rows."""
        manifests = (self._artifacts.find(asset_id, stage, self._slot) for stage in self._written(asset_id))
        return any(manifest and manifest.data.get("branch") == branch for manifest in manifests)

    def _runs(self) -> None:
        """Whether runs that are called running have a process."""
        engine = self._catalog.engine
        for row in rows(engine, select(runs).where(runs.c.status == "running")):
            if not is_alive(row, now(engine)):
                what = f"the run {row.run_id} is called running, and its process is gone"
                self._fault("run", "", what, "it was killed, or the machine went down", "settle")


def _digest(record: str, write_id: str, fingerprint: str, row: Row, vector: Vectors) -> bytes:
    """Stands for all of a row that searches see."""
    told: list[object] = [
        record,
        write_id,
        fingerprint,
        row.modality,
        cut(row.text),
        row.start_ms,
        row.end_ms,
        row.page,
    ]
    told += [list(map(float, row.box)) if row.box else None, row.thumbnail, list(row.marks)]
    digest = hashlib.sha256(repr(told).encode())
    digest.update(np.ascontiguousarray(vector, np.float32).tobytes())
    return digest.digest()
