"""What came of items that were in flight: their entries in the report, their rows in the catalog."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from flows.engine.batch import BatchItem, InFlightBatch
from flows.engine.items import attached_to, notes_of, records_of
from flows.engine.run import RunContext
from flows.engine.spool import drop_copy
from medley.errors import Cancelled, MedleyError
from medley.report import ItemReport, StageReport, error_entry, stop_errors
from medley.run import TaskContext
from medley.system.points import reach
from medley.types import Asset


def report_of(batch_item: BatchItem, batch: InFlightBatch, run: TaskContext) -> ItemReport:
    """Builds the report entry that says how an item ended, and removes the item's copy from the spool."""
    drop_copy(batch_item.item, batch_item.errors, batch_item.asset.url)
    errors = _deduplicated([error for error in batch_item.errors if not isinstance(error, Cancelled)], batch)
    cancelled = batch_item.cancelled or any(isinstance(error, Cancelled) for error in batch_item.errors)
    records, notes = _told(batch_item, batch)
    if errors or cancelled:  # what was written before may count
        records, notes = records_of(batch_item.asset, run), notes_of(batch_item.asset, run)
    errors += stop_errors() if cancelled else []
    done = all(stage in batch_item.stages for stage in batch.dag) and not errors
    status = "complete" if done else "cancelled" if cancelled else "partial" if any(records.values()) else "failed"
    return ItemReport(
        batch_item.item.path,
        status,  # type: ignore[arg-type]  # mypy widens the chain of conditions to str
        batch_item.asset.asset_id,
        batch_item.asset.media.media_type,
        records=records,
        seconds=round(time.monotonic() - batch_item.began, 3),
        stages=[batch_item.stages[name] for name in batch.dag if name in batch_item.stages],
        errors=errors,
        notes=notes,
        attached=attached_to(
            batch_item.item.path, [name for made in batch_item.results.values() for name in made.attached]
        ),
    )


def _told(batch_item: BatchItem, batch: InFlightBatch) -> tuple[dict[str, int], list[str]]:
    """Records by modality and notes of an item whose stages have all told theirs, in the order of the picture."""
    results = [batch_item.results[name] for name in batch.dag if name in batch_item.results]
    notes = dict.fromkeys([*batch_item.asset.media.notes, *(note for result in results for note in result.notes)])
    counted: Counter[str] = Counter()
    for result in results:
        counted.update(result.records)
    return dict(counted), list(notes)


def _deduplicated(errors: Sequence[MedleyError], batch: InFlightBatch) -> list[dict[str, Any]]:
    """In the order of the stages; what stopped both branches alike is told once."""
    place = {stage: n for n, stage in enumerate(batch.dag)}
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for error in sorted(errors, key=lambda error: place.get(error.stage, -1)):
        told.setdefault((type(error).__name__, str(error)), error_entry(error))
    return list(told.values())


def record_outcomes(batch: InFlightBatch, reports: Sequence[ItemReport], run_context: RunContext) -> None:
    """Tells the catalog; what no run needs any more goes."""
    assets = [batch_item.asset for batch_item in batch.items]
    ended = {report.asset_id: (report.status, report.errors, report.records) for report in reports if report.asset_id}
    run_context.catalog.record_outcomes(ended, run_context.run.flow, run_context.plan, run_context.run.run_id)
    reach("outcome noted")
    run_context.catalog.record_stages(
        [_row(stage, report, run_context.run) for report in reports for stage in report.stages]
    )
    run_context.budget.spend(sum(stage.tokens for report in reports for stage in report.stages))
    told = ((item.asset.asset_id, made.about) for item in batch.items for made in item.results.values() if made.about)
    for asset_id, about in told:
        run_context.catalog.record_about(asset_id, about)
    for asset in assets:
        drop_transient(asset, run_context.run)


def _row(stage: StageReport, report: ItemReport, run: TaskContext) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "asset_id": report.asset_id,
        "stage": stage.name,
        "fingerprint": run.fingerprints[stage.name],
        "state": stage.state,
        "started": stage.started,
        "seconds": stage.seconds,
        "attempts": stage.attempts,
        "tokens": stage.tokens,
    }


def drop_transient(asset: Asset, run: TaskContext) -> None:
    """Removes an asset's transient artifacts: WAV files and their like are kept only while the run needs them."""
    artifacts = run.artifact_store
    for stage in run.dag.values():
        if stage.transient:
            artifacts.remove(asset.asset_id, stage.name, run.fingerprints[stage.name])
