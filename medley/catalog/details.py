"""What pages and programs show of the ledger: a page of items, everything about one asset, the runs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Engine, Text, cast, func, select

from medley.about import from_text
from medley.catalog.known import made_of
from medley.catalog.reading import rows, scalar, scalars
from medley.catalog.tables import assets, locations, outcomes, runs, stages, tags, uploads

_STAGES = 200


def items_page(engine: Engine, *, limit: int, offset: int, status: str | None, contains: str) -> dict[str, Any]:
    """Lists known paths, the newest first, with what became of each: {"total", "items"}."""
    joined = locations.outerjoin(outcomes, locations.c.asset_id == outcomes.c.asset_id)
    joined = joined.outerjoin(assets, locations.c.asset_id == assets.c.asset_id)
    wanted = [locations.c.path.icontains(contains, autoescape=True)] if contains else []
    if status == "failed":
        named = func.coalesce(cast(locations.c.error, Text), "null") != "null"  # None is JSON's null there
        wanted.append(named | (outcomes.c.status == "failed"))
    elif status:
        wanted.append(outcomes.c.status == status)
    columns = [
        *(locations.c[name] for name in ("path", "asset_id", "error", "seen")),
        locations.c.attempts.label("looks"),
        *(outcomes.c[name] for name in ("status", "errors", "attempts", "updated")),
        assets.c.media["media_type"].as_string().label("media_type"),
    ]
    query = select(*columns).select_from(joined).where(*wanted)
    newest = query.order_by(func.coalesce(outcomes.c.updated, locations.c.seen).desc(), locations.c.path)
    total = scalar(engine, select(func.count()).select_from(joined).where(*wanted)) or 0
    return {"total": total, "items": [_item(row) for row in rows(engine, newest.limit(limit).offset(offset))]}


def _item(row: Any) -> dict[str, Any]:
    known = {"path": row.path, "asset_id": row.asset_id, "media_type": row.media_type}
    if row.error is not None or row.status is None:
        errors = [row.error] if row.error is not None else []
        status = "failed" if errors else "pending"
        return {**known, "status": status, "errors": errors, "attempts": row.looks, "updated": row.seen}
    return {
        **known,
        "status": row.status,
        "errors": row.errors,
        "attempts": row.attempts,
        "updated": row.updated,
    }


def asset_details(engine: Engine, asset_id: str) -> dict[str, Any] | None:
    """Gathers all that is known of an asset; None where it is unknown."""
    known = rows(engine, select(assets).where(assets.c.asset_id == asset_id))
    if not known:
        return None
    seen = select(locations.c.path).where(locations.c.asset_id == asset_id).order_by(locations.c.seen.desc())
    return {
        **known[0]._mapping,
        "about": from_text(known[0].about),
        "paths": scalars(engine, seen),
        "tags": scalars(engine, select(tags.c.tag).where(tags.c.asset_id == asset_id).order_by(tags.c.tag)),
        "outcomes": [_outcome(engine, row) for row in rows(engine, _of_asset(outcomes, asset_id))],
        "stages": [dict(row._mapping) for row in rows(engine, _stages_of(asset_id))],
    }


def sizes_of(engine: Engine, asset_ids: Collection[str]) -> dict[str, int]:
    """Returns the size of each of those assets, in bytes."""
    found = rows(engine, select(assets.c.asset_id, assets.c.size_bytes).where(assets.c.asset_id.in_(asset_ids)))
    return {row.asset_id: row.size_bytes for row in found}


def _of_asset(table: Any, asset_id: str) -> Any:
    return select(table).where(table.c.asset_id == asset_id)


def _stages_of(asset_id: str) -> Any:
    names = ("stage", "state", "run_id", "fingerprint", "started", "seconds", "attempts")
    return (
        select(*(stages.c[name] for name in names))
        .where(stages.c.asset_id == asset_id)
        .order_by(stages.c.id.desc())
        .limit(_STAGES)
    )


def _outcome(engine: Engine, row: Any) -> dict[str, Any]:
    found = {name: row._mapping[name] for name in ("flow", "status", "errors", "records", "attempts", "run_id")}
    plan = made_of(engine, row.plan) or {}
    return {**found, "updated": row.updated, "options": plan.get("options", {}), "models": plan.get("models", {})}


def runs_page(engine: Engine, limit: int, offset: int) -> list[dict[str, Any]]:
    """Lists runs, the newest first."""
    names = ("run_id", "flow", "status", "profile", "started", "ended", "counts", "prefect_run_id")
    query = select(*(runs.c[name] for name in names)).order_by(runs.c.started.desc()).limit(limit).offset(offset)
    return [{**row._mapping, "counts": row.counts or {}} for row in rows(engine, query)]


def run_details(engine: Engine, run_id: str) -> dict[str, Any] | None:
    """Gathers a run and the outcomes that it was the last to change; None where it is unknown."""
    names = ("run_id", "flow", "status", "profile", "started", "ended", "counts", "prefect_run_id", "host")
    known = rows(engine, select(*(runs.c[name] for name in names)).where(runs.c.run_id == run_id))
    if not known:
        return None
    ended = select(outcomes.c.asset_id, outcomes.c.flow, outcomes.c.status, outcomes.c.errors, outcomes.c.updated)
    items = rows(engine, ended.where(outcomes.c.run_id == run_id).order_by(outcomes.c.updated.desc()).limit(1000))
    return {**known[0]._mapping, "counts": known[0].counts or {}, "items": [dict(row._mapping) for row in items]}


def upload_state(engine: Engine, path: str) -> dict[str, Any] | None:
    """Tells what became of an uploaded file so far; None where nothing is known of its path."""
    landed = rows(engine, select(uploads).where(uploads.c.path == path))
    known = rows(engine, select(locations).where(locations.c.path == path))
    if not landed and not known:
        return None
    asset_id = known[0].asset_id if known else None
    ended = rows(engine, _of_asset(outcomes, asset_id)) if asset_id else []
    errors = [known[0].error] if known and known[0].error else [error for row in ended for error in row.errors]
    done = rows(engine, _stages_of(asset_id)) if asset_id else []
    waiting = landed[0].status if landed else "done"
    status = ended[0].status if ended else "failed" if errors else waiting
    if waiting in ("pending", "running"):
        status = waiting
    stages_done = [{"stage": row.stage, "state": row.state, "seconds": row.seconds} for row in reversed(done)]
    return {"path": path, "asset_id": asset_id, "status": status, "errors": errors, "stages": stages_done}


def ended_items(engine: Engine, since: str, limit: int) -> list[dict[str, Any]]:
    """Lists outcomes that have come to an end at `since` or later, the oldest first."""
    names = ("asset_id", "flow", "status", "errors", "records", "run_id", "updated")
    ended = (outcomes.c.updated >= since) & (outcomes.c.status != "running")
    query = select(*(outcomes.c[name] for name in names), locations.c.path)
    joined = query.select_from(outcomes.outerjoin(locations, locations.c.asset_id == outcomes.c.asset_id))
    found = rows(engine, joined.where(ended).order_by(outcomes.c.updated).limit(limit))
    return list({(row.asset_id, row.flow): dict(row._mapping) for row in found}.values())


def ended_runs(engine: Engine, since: str, limit: int) -> list[dict[str, Any]]:
    """Lists runs that have ended at `since` or later, the oldest first."""
    names = ("run_id", "flow", "status", "started", "ended", "counts")
    query = select(*(runs.c[name] for name in names)).where(runs.c.ended >= since)
    return [dict(row._mapping) for row in rows(engine, query.order_by(runs.c.ended).limit(limit))]
