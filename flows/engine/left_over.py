"""Branches that assets have no more, as they are worked on with other options than before: their records go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from flows.engine.batch import BatchItem
from medley.catalog import Catalog
from medley.catalog.known import flows_of
from medley.content import dags_of
from medley.dag.stage import Stage
from medley.errors import TransientError
from medley.generations import every_address
from medley.records import store_slot
from medley.run import TaskContext
from medley.stores.base import VectorStore
from medley.stores.patience import with_store


def retire_left_over(items: Sequence[BatchItem], run: TaskContext, catalog: Catalog) -> None:
    """Removes the records of branches that no pipeline has for an asset, as its options are now.

    Of assets that have been worked on before, and of which all is well. Where an asset has an outcome of a pipeline
    that is not installed here, nothing is removed. That the store is away is an error of the items: their next run
    looks again.
    """
    alike: dict[frozenset[str], list[BatchItem]] = defaultdict(list)
    for item in items:
        if not item.again or item.errors or item.cancelled or (known := _stages_of(item, run, catalog)) is None:
            continue
        if _forget_writes(item.asset.asset_id, known, run) or known:  # else nothing of it has ever been in a store
            alike[frozenset(stage.branch for stage in known.values())].append(item)
    for branches, some in alike.items():
        try:
            with_store(run.store, partial(_retain, [item.asset.asset_id for item in some], branches))
        except TransientError as error:
            for item in some:
                item.errors.append(error)


def _stages_of(item: BatchItem, run: TaskContext, catalog: Catalog) -> dict[str, Stage] | None:
    """The stages whose records an asset has to have; None where not all are known."""
    asset_id = item.asset.asset_id
    flows = flows_of(catalog.engine, asset_id) - {run.flow}
    others = [dag for dag, _ in dags_of(asset_id, catalog) if dag.pipeline in flows] if flows else []
    if flows != {dag.pipeline for dag in others} or (flows and len(every_address(run.store, catalog)) > 1):
        return None  # of two generations the catalog knows only the options that were written last
    done = {name for name, made in item.results.items() if not made.skipped}
    mine = [*run.dag.wanted(item.asset), *(run.dag[name] for name in done)]
    return {stage.name: stage for stage in (*mine, *(one for dag in others for one in dag.values())) if stage.writes}


def _forget_writes(asset_id: str, known: dict[str, Stage], run: TaskContext) -> list[str]:
    """Removes notes of writes of other stages, and names those.

    They go first: a crash in between leaves records that the next run finds, and loses none.
    """
    slot = store_slot(run.store.key)
    others = [name for name in run.artifact_store.stages(asset_id, slot) if name not in known]
    for name in others:
        run.artifact_store.remove(asset_id, name, slot)
    return others


def _retain(asset_ids: Sequence[str], branches: frozenset[str], store: VectorStore) -> None:
    store.retain(asset_ids, branches)
