"""What `status` shows of the ledger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, func, select

from medley.catalog.reading import rows, scalar, scalars
from medley.catalog.tables import locations, outcomes, runs, stages, uploads

_NEWEST = 1000
_BAD = ("failed", "partial", "cancelled", "pending")


def status_items(engine: Engine, *, failed_only: bool) -> list[dict[str, Any]]:
    """Lists one entry for each known path: the outcome of its asset, or why the path could not be identified."""
    joined = locations.outerjoin(outcomes, locations.c.asset_id == outcomes.c.asset_id)
    columns = [
        *(locations.c[name] for name in ("path", "asset_id", "error", "seen")),
        locations.c.attempts.label("looks"),
        *(outcomes.c[name] for name in ("status", "errors", "attempts", "updated")),
    ]
    found = [_item(row) for row in rows(engine, select(*columns).select_from(joined).order_by(locations.c.path))]
    found += [_landed(row) for row in rows(engine, _not_identified())]
    return [item for item in found if item["status"] in _BAD] if failed_only else found


def failed_paths(engine: Engine) -> dict[str | None, list[str]]:
    """Groups the paths of files that are not complete by the pipeline that has tried.

    Paths that no pipeline has tried so far are under None.
    """
    joined = locations.outerjoin(outcomes, locations.c.asset_id == outcomes.c.asset_id)
    query = select(locations.c.path, outcomes.c.flow, locations.c.error, outcomes.c.status).select_from(joined)
    found: dict[str | None, list[str]] = {}
    for row in rows(engine, query.order_by(locations.c.path)):
        if row.error is not None or row.status is None or row.status in _BAD:
            found.setdefault(None if row.error is not None else row.flow, []).append(row.path)
    for row in rows(engine, _not_identified()):
        found.setdefault(None, []).append(row.path)
    return found


def written_modalities(engine: Engine) -> set[str]:
    """Modalities of all records that runs have written, those of pipelines that are not installed here among them."""
    written = scalars(engine, select(outcomes.c.records).where(outcomes.c.records.is_not(None)))
    return {modality for records in written for modality in records}


def seconds_of_items(engine: Engine, flow: str | None = None) -> float | None:
    """Averages the seconds that all stages of an item took together, over the newest runs of a flow, or of all.

    Returns None where there are no such runs.
    """
    newest = select(stages.c.run_id, stages.c.asset_id, stages.c.seconds).where(stages.c.state == "completed")
    if flow:
        newest = newest.join(runs, runs.c.run_id == stages.c.run_id).where(runs.c.flow == flow)
    last = newest.order_by(stages.c.id.desc()).limit(_NEWEST).subquery()
    items = select(func.sum(last.c.seconds).label("seconds")).group_by(last.c.run_id, last.c.asset_id).subquery()
    seconds: float | None = scalar(engine, select(func.avg(items.c.seconds)))
    return seconds


def status_runs(engine: Engine, limit: int) -> list[dict[str, Any]]:
    """Lists up to `limit` runs, the newest first."""
    columns = [runs.c[name] for name in ("run_id", "flow", "status", "profile", "started", "ended", "counts")]
    newest = rows(engine, select(*columns).order_by(runs.c.started.desc()).limit(limit))
    return [dict(row._mapping) | {"counts": row.counts or {}} for row in newest]


def status_counts(engine: Engine) -> dict[str, int]:
    """Counts the assets by the status of their last attempts."""
    counted = select(outcomes.c.status, func.count().label("count")).group_by(outcomes.c.status)
    return {row.status: row.count for row in rows(engine, counted)}


def status_totals(engine: Engine) -> dict[str, int]:
    """Counts the items by status, and the assets that have an outcome."""
    items = status_items(engine, failed_only=False)
    totals = {"items": len(items)}
    for item in items:
        totals[item["status"]] = totals.get(item["status"], 0) + 1
    totals["assets"] = scalar(engine, select(func.count(outcomes.c.asset_id.distinct()))) or 0
    return totals


def _not_identified() -> Any:
    """Uploads that no run has looked at yet."""
    known = select(locations.c.path).where(locations.c.path == uploads.c.path)
    waiting = uploads.c.status.in_(("pending", "running"))
    return select(uploads).where(waiting, ~known.exists()).order_by(uploads.c.path)


def _landed(row: Any) -> dict[str, Any]:
    known = {"path": row.path, "asset_id": None, "status": row.status, "errors": []}
    return {**known, "attempts": row.attempts, "updated": row.noted}


def _item(row: Any) -> dict[str, Any]:
    if row.error is not None or row.status is None:
        errors = [row.error] if row.error is not None else []
        status, attempts, updated = ("failed" if errors else "pending"), row.looks, row.seen
    else:
        status, errors, attempts, updated = row.status, row.errors, row.attempts, row.updated
    return {
        "path": row.path,
        "asset_id": row.asset_id,
        "status": status,
        "errors": errors,
        "attempts": attempts,
        "updated": updated,
    }
