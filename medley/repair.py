"""Mends what `medley.verify` finds, by doing again as little as there is to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import select

from medley.artifacts import ArtifactStore, Key
from medley.catalog import Catalog
from medley.catalog.known import made_of
from medley.catalog.reading import rows
from medley.catalog.tables import outcomes
from medley.stores.base import VectorStore
from medley.upkeep import rebuild_branch, vectors_key
from medley.verify import Fault

#: A run that is needed: pipeline ("" where only the file tells), and its options as flags have them.
Rerun = tuple[str, tuple[tuple[str, str], ...]]


def mend_here(
    faults: Iterable[Fault],
    catalog: Catalog,
    artifacts: ArtifactStore,
    store: VectorStore,
    slot: str,
    claim: Callable[[str], bool],
) -> None:
    """Mends what needs no run, and takes away what a run is to make anew. Raises StoreUnavailable.

    `claim` says whether an asset is this process's to work on: those of other runs stay as they are.
    """
    for fault in faults:
        if fault.mend == "settle":
            catalog.crash_dead_runs()
        elif fault.mend == "ingest" or not claim(fault.asset_id):
            continue
        elif fault.mend == "remove":
            store.delete(fault.asset_id, fault.branch)
        elif fault.mend == "write":
            rebuild_branch(artifacts, store, slot, fault.asset_id, fault.branch)
        elif fault.key:
            artifacts.remove(*fault.key)
            _write_again(fault.key, artifacts, slot)


def _write_again(vectors: Key, artifacts: ArtifactStore, slot: str) -> None:
    """Vectors made anew may differ in their last bits, as they are made in other batches: their records follow them."""
    for stage in artifacts.stages(vectors[0], slot):
        manifest = artifacts.find(vectors[0], stage, slot)
        if manifest and vectors_key(manifest) == vectors:
            artifacts.remove(vectors[0], stage, slot)


def reruns(faults: Iterable[Fault], catalog: Catalog) -> dict[Rerun, list[str]]:
    """Lists the files that a run has to go over, by pipeline and the options that they were last worked on with."""
    found: defaultdict[Rerun, dict[str, None]] = defaultdict(dict)
    for fault in faults:
        if fault.mend == "run":
            path = fault.path or catalog.newest_locations([fault.asset_id]).get(fault.asset_id)
            for how in _how(fault.asset_id, catalog) if path else ():
                found[how][str(path)] = None
    return {how: list(paths) for how, paths in found.items()}


def _how(asset_id: str, catalog: Catalog) -> list[Rerun]:
    ended = select(outcomes.c.flow, outcomes.c.plan).where(outcomes.c.asset_id == asset_id)
    known = [(row.flow, made_of(catalog.engine, row.plan) or {}) for row in rows(catalog.engine, ended)]
    return [(flow, _flags(plan.get("options", {}))) for flow, plan in known] or [("", ())]


def _flags(options: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, _written(value)) for name, value in sorted(options.items()) if value not in (None, [], ()))


def _written(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
