"""Reads and writes of the ledger. Only command and flow processes open it, never a Ray worker."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import DatabaseError, DBAPIError

from medley.about import About, to_text
from medley.catalog.alive import is_alive, is_here, now
from medley.catalog.engine import engine_of
from medley.catalog.lookup import Location, Outcome, attached_to, locations_of, media_of
from medley.catalog.migrate import migrate
from medley.catalog.reading import rows, scalar, scalars
from medley.catalog.tables import assets, claims, locations, outcomes, runs, stages, uploads
from medley.catalog.upsert import (
    BEGUN,
    CLAIM,
    CLAIM_S,
    ENDED,
    FAILED_LOCATION,
    OUTCOME_NAMES,
    UPSERT_ASSET,
    UPSERT_LOCATION,
)
from medley.errors import SetupError
from medley.settings import Settings
from medley.system.disk import wait_or_raise
from medley.system.process import born, lives, pid_space
from medley.types import MediaInfo, utc_now

_AT_ONCE = 500  # databases limit the parameters of a statement
#: How an attempt ended: status, errors, records by modality.
Ending = tuple[str, list[dict[str, Any]], dict[str, int]]


def open_catalog(settings: Settings) -> Catalog:
    """Opens the catalog of `settings` (default: SQLite in MEDLEY_HOME), its schema up to date; raises SetupError."""
    engine = engine_of(settings)
    try:
        migrate(engine, settings.run_dir / "catalog.migrate")
    except DatabaseError as error:
        raise SetupError(
            f"the catalog {engine.url.render_as_string()} cannot be opened: {error.orig}",
            remedy="Check the file or the server; see docs/troubleshooting.md",
        ) from error
    return Catalog(engine)


def _waiting_again(run_ids: Sequence[str]) -> Any:
    """What those runs had taken of the uploads, and not settled."""
    taken = (uploads.c.status == "running") & uploads.c.run_id.in_(run_ids)
    return update(uploads).where(taken).values(status="pending", run_id=None, due=time.time())


class Catalog:
    """The ledger. Safe to use from several threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def _write(self, *statements: Any) -> Any:
        """Executes all statements or none, each alone or with its rows; gives the first row that the last one returns.

        A full disk and a lost connection are waited for. Raises NoSpace.
        """
        began, lost = time.monotonic(), 0
        while True:
            try:
                with self.engine.begin() as connection:
                    done = [
                        connection.execute(*(found if isinstance(found, tuple) else (found,))) for found in statements
                    ]
                    return done[-1].first() if done[-1].returns_rows else None
            except (OSError, DBAPIError) as error:
                lost = wait_or_raise(error, began, lost)

    # runs

    def begin_run(self, run_id: str, flow: str, profile: str) -> None:
        """Notes a run of this process."""
        here = {
            "host": socket.gethostname(),
            "space": pid_space(),
            "pid": os.getpid(),
            "pid_started": born(os.getpid()),
        }
        noted = {"run_id": run_id, "flow": flow, "status": "running", "profile": profile, "started": utc_now()}
        self._write(runs.insert().values(**noted, **here, seen=now(self.engine)))

    def end_run(self, run_id: str, status: str, counts: dict[str, int]) -> None:
        """Notes how a run ended and frees its claims; what it had begun and not ended was cancelled."""
        unfinished = (outcomes.c.run_id == run_id) & (outcomes.c.status == "running")
        changed = {"status": status, "ended": utc_now(), "counts": counts}
        self._write(
            update(outcomes).where(unfinished).values(status="cancelled"),
            update(runs).where(runs.c.run_id == run_id).values(**changed),
            delete(claims).where(claims.c.run_id == run_id),
            _waiting_again([run_id]),
        )

    def record_prefect_run(self, run_id: str, prefect_run_id: str) -> None:
        """Notes which flow run of Prefect shows a run of Medley."""
        changed = update(runs).where(runs.c.run_id == run_id)
        self._write(changed.values(prefect_run_id=prefect_run_id, prefect_open=True))

    def open_prefect_runs(self) -> list[str]:
        """Returns Prefect's flow runs that may still say Running, though the run is over and its process has gone."""
        over = select(runs).where(runs.c.prefect_open, runs.c.status != "running", runs.c.host == socket.gethostname())
        at = now(self.engine)
        return [row.prefect_run_id for row in rows(self.engine, over) if not is_alive(row, at)]

    def close_prefect_run(self, prefect_run_id: str) -> None:
        """Prefect's rows of that flow run are true."""
        self._write(update(runs).where(runs.c.prefect_run_id == prefect_run_id).values(prefect_open=False))

    def crash_dead_runs(self) -> None:
        """Marks runs of this host whose process is gone, and silent runs of others, as crashed; frees their claims."""
        running = rows(self.engine, select(runs).where(runs.c.status == "running"))
        at = now(self.engine) if running else 0.0
        dead = [row.run_id for row in running if not is_alive(row, at)]
        if not dead:
            return
        unfinished = outcomes.c.run_id.in_(dead) & (outcomes.c.status == "running")
        self._write(
            update(runs).where(runs.c.run_id.in_(dead)).values(status="crashed", ended=utc_now()),
            update(outcomes).where(unfinished).values(status="pending"),
            delete(claims).where(claims.c.run_id.in_(dead)),
            _waiting_again(dead),
        )

    def running_runs(self) -> set[str]:
        """Returns the ids of the runs that have not ended."""
        return set(scalars(self.engine, select(runs.c.run_id).where(runs.c.status == "running")))

    # locations and assets

    def location(self, path: str) -> Location | None:
        """Returns what the catalog knows of a path; None where the path is unknown."""
        return locations_of(self.engine, [path]).get(path)

    def upsert_location(self, found: Location, media: MediaInfo | None) -> None:
        """Notes what a path shows now, and its asset; `media` None where it could not be opened.

        The asset that the path showed before has one location less: see `replaced_assets`.
        """
        now = utc_now()
        probed = asdict(media) if media else None
        asset = {"asset_id": found.asset_id, "size_bytes": found.size_bytes or 0, "media": probed, "created": now}
        asset["about"] = to_text(media.about) if media else ""
        self._write(
            (UPSERT_ASSET, asset), (UPSERT_LOCATION, {**asdict(found), "error": None, "attempts": 0, "seen": now})
        )

    def record_about(self, asset_id: str, about: About) -> None:
        """Notes what a file says of itself."""
        self._write(update(assets).where(assets.c.asset_id == asset_id).values(about=to_text(about)))

    def record_seen(self, paths: Sequence[str]) -> None:
        """Notes that paths show what they showed before."""
        fine = {"error": None, "attempts": 0, "seen": utc_now()}
        self._write(update(locations).where(locations.c.path.in_(paths)).values(**fine))

    def move_location(self, path: str, to: str) -> None:
        """Notes that the file at `path` has another path now, `to`, and with it what is attached to it."""
        below = scalars(self.engine, attached_to(path))
        for old, new in [(path, to), *((url, url.replace(path, to, 1)) for url in below)]:
            self._write(
                delete(locations).where(locations.c.path == new),
                update(locations).where(locations.c.path == old).values(path=new),
            )

    def replaced_assets(self, run_id: str) -> list[str]:
        """Assets with an outcome that no path shows any more, and that no run but this one has claimed.

        A merely deleted file keeps its location.
        """
        seen = select(locations.c.asset_id).where(locations.c.asset_id == outcomes.c.asset_id)
        claimed = select(claims.c.asset_id).where(claims.c.asset_id == outcomes.c.asset_id, claims.c.run_id != run_id)
        query = select(outcomes.c.asset_id).distinct().where(~seen.exists(), ~claimed.exists())
        return scalars(self.engine, query)

    def forget_outcomes(self, asset_id: str) -> None:
        """Deletes the outcomes of an asset, which then counts as never worked on."""
        self._write(delete(outcomes).where(outcomes.c.asset_id == asset_id))

    def record_path_failure(self, path: str, error: dict[str, Any]) -> None:
        """Notes that a path could not be identified; what it showed before stays known."""
        self._write((FAILED_LOCATION, {"path": path, "error": error, "attempts": 1, "seen": utc_now()}))

    def newest_locations(self, asset_ids: Sequence[str]) -> dict[str, str]:
        """Returns, for each asset, the path at which the asset was seen last."""
        query = select(locations.c.asset_id, locations.c.path).where(locations.c.asset_id.in_(asset_ids))
        return {row.asset_id: row.path for row in rows(self.engine, query.order_by(locations.c.seen))}

    def media(self, asset_id: str) -> MediaInfo | None:
        """Returns what the probe found in an asset, if the probe ran before; else None."""
        return media_of(self.engine, [asset_id]).get(asset_id)

    # outcomes and stages

    def outcomes(self, asset_ids: Sequence[str], flow: str) -> dict[str, Outcome]:
        """Returns, for each asset, how the last attempt at the asset ended."""
        columns = [outcomes.c[name] for name in ("asset_id", *Outcome.__slots__)]
        query = select(*columns).where(outcomes.c.asset_id.in_(asset_ids), outcomes.c.flow == flow)
        return {row[0]: Outcome(*row[1:]) for row in rows(self.engine, query)}

    def outcome(self, asset_id: str, flow: str) -> Outcome | None:
        """Returns how the last attempt at an asset ended; None where there was no attempt."""
        return self.outcomes([asset_id], flow).get(asset_id)

    def begin_attempts(self, asset_ids: Iterable[str], flow: str, plan: str, run_id: str) -> None:
        """Counts attempts before they are made, so that one that takes the process down is counted too."""
        begun: Ending = ("running", [], {})
        self._put_outcomes(dict.fromkeys(asset_ids, begun), flow, plan, run_id, BEGUN)

    def record_outcomes(self, ended: Mapping[str, Ending], flow: str, plan: str, run_id: str) -> None:
        """Records how attempts ended, by asset."""
        self._put_outcomes(ended, flow, plan, run_id, ENDED)

    def _put_outcomes(self, found: Mapping[str, Ending], flow: str, plan: str, run_id: str, statement: Any) -> None:
        known = (flow, plan, run_id, utc_now())
        changed = [dict(zip(OUTCOME_NAMES, (key, *known, *end, 1), strict=True)) for key, end in found.items()]
        if changed:
            self._write((statement, changed))

    def record_stages(self, done: Sequence[dict[str, Any]]) -> None:
        """Records what a run did in each stage of an asset; see `tables.stages` for the keys."""
        if done:
            self._write((stages.insert(), list(done)))

    # claims

    def claim(self, asset_ids: Collection[str], run_id: str) -> set[str]:
        """Claims assets for a run; returns the assets that are the run's from now on. Expired claims are free."""
        wanted = sorted(asset_ids)
        parts = (wanted[at : at + _AT_ONCE] for at in range(0, len(wanted), _AT_ONCE))
        return {asset_id for part in parts for asset_id in self._claim(part, run_id)}

    def _claim(self, asset_ids: Collection[str], run_id: str) -> set[str]:
        holders = self._holders(asset_ids)
        alive = {row.holder for row in {row.holder: row for row in holders.values()}.values() if _works_here(row)}
        free = {one for one in asset_ids if one not in holders or holders[one].holder not in alive - {run_id}}
        told = {"run_id": run_id, "expires": now(self.engine) + CLAIM_S}
        seen = {one: holders[one].holder if one in holders else "" for one in free}
        wanted = [{**told, "asset_id": asset_id, "seen": seen[asset_id]} for asset_id in sorted(free)]
        if wanted:
            self._write((CLAIM, wanted))
        mine = select(claims.c.asset_id).where(claims.c.asset_id.in_(free), claims.c.run_id == run_id)
        return set(scalars(self.engine, mine))

    def _holders(self, asset_ids: Collection[str]) -> dict[str, Any]:
        """Who has a claim on each, and what is known of that run."""
        joined = claims.outerjoin(runs, runs.c.run_id == claims.c.run_id)
        told = select(claims.c.asset_id, claims.c.run_id.label("holder"), runs).select_from(joined)
        return {row.asset_id: row for row in rows(self.engine, told.where(claims.c.asset_id.in_(asset_ids)))}

    def claimed(self, asset_id: str) -> bool:
        """Says whether a run holds a claim on an asset."""
        held = select(claims.c.run_id).where(claims.c.asset_id == asset_id, claims.c.expires >= now(self.engine))
        return scalar(self.engine, held) is not None

    def renew_claims(self, run_id: str) -> None:
        """Keeps the claims of a living run, and notes that it lives."""
        at = now(self.engine)
        self._write(
            update(claims).where(claims.c.run_id == run_id).values(expires=at + CLAIM_S),
            update(runs).where(runs.c.run_id == run_id).values(seen=at),
        )

    def release(self, asset_ids: Collection[str], run_id: str) -> None:
        """Frees assets."""
        self._write(delete(claims).where(claims.c.asset_id.in_(asset_ids), claims.c.run_id == run_id))


def _works_here(run: Any) -> bool:
    """Whether a run has a process that lives on this host, whatever the clock says: it may have been set."""
    return bool(run.status == "running" and is_here(run) and lives(run.pid, run.pid_started))
