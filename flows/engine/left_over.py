"""Branches that an asset has no more, as it is worked on with other options than before: their records go."""

from __future__ import annotations

from flows.engine.batch import BatchItem
from medley.catalog import Catalog
from medley.catalog.known import flows_of
from medley.content import dags_of
from medley.errors import TransientError
from medley.records import store_slot, take_back
from medley.run import TaskContext


def retire_left_over(batch_item: BatchItem, run: TaskContext, catalog: Catalog) -> None:
    """Removes the records of branches that no pipeline has any more for an asset, as options are now.

    Where an asset has an outcome of a pipeline that is not installed here, nothing is removed. That the store is away
    is an error of the item: its next run removes them.
    """
    artifacts, slot, asset_id = run.artifact_store, store_slot(run.store.key), batch_item.asset.asset_id
    if not (left := set(artifacts.stages(asset_id, slot)) - set(run.dag)):
        return
    others = [dag for dag, _ in dags_of(asset_id, catalog) if dag.pipeline != run.flow]
    if flows_of(catalog.engine, asset_id) - {run.flow, *(dag.pipeline for dag in others)}:
        return
    stages = {name: stage for dag in (*others, run.dag) for name, stage in dag.items()}
    branches = {stage.branch for stage in stages.values() if stage.writes}
    try:
        for name in left - set(stages):
            manifest = artifacts.find(asset_id, name, slot)
            take_back(asset_id, name, run, rows=manifest is not None and manifest.data.get("branch") not in branches)
    except TransientError as error:
        batch_item.errors.append(error)
