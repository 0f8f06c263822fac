"""Old runs are forgotten: what they did stays, how they went does not."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, update

from medley.catalog.catalog import Catalog
from medley.catalog.tables import claims, runs, stages, uploads
from medley.settings import Settings

_BATCH = 200


def forget_old_runs(catalog: Catalog, settings: Settings) -> int:
    """Removes runs that ended more than `retention_days` ago with their reports and logs; how many."""
    before = (datetime.now(UTC) - timedelta(days=settings.retention_days)).isoformat(timespec="milliseconds")
    old = select(runs.c.run_id).where(runs.c.status != "running", runs.c.ended < before).limit(_BATCH)
    count = 0
    while True:
        with catalog.engine.begin() as connection:
            found = list(connection.execute(old).scalars())
            for table in (stages, claims):
                connection.execute(delete(table).where(table.c.run_id.in_(found)))
            connection.execute(update(uploads).where(uploads.c.run_id.in_(found)).values(run_id=None))
            connection.execute(delete(runs).where(runs.c.run_id.in_(found)))
        for run_id in found:
            shutil.rmtree(settings.home / "runs" / run_id, ignore_errors=True)
        count += len(found)
        if len(found) < _BATCH:
            return count
