"""Reads and writes of the ledger. Only command and flow processes open it, never a Ray worker."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import Engine, case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError, DBAPIError

from medley.catalog.alive import is_alive, is_here
from medley.catalog.engine import engine_of
from medley.catalog.migrate import migrate
from medley.catalog.tables import assets, claims, locations, outcomes, runs, stages, uploads
from medley.errors import SetupError
from medley.settings import Settings
from medley.system.disk import wait_or_raise
from medley.system.process import born, lives
from medley.types import MediaInfo, utc_now

CLAIM_S = 120.0


@dataclass(frozen=True, slots=True)
class Location:
    """Where an asset was seen, and what the file system said of it."""

    path: str
    asset_id: str | None
    size_bytes: int | None
    mtime_ns: int | None
    inode: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last attempt at an asset ended. `plan` is the fingerprint of what was attempted."""

    plan: str
    status: str
    errors: list[dict[str, Any]]
    records: dict[str, int]
    attempts: int


#: How an attempt ended: status, errors, records by modality.
Ending = tuple[str, list[dict[str, Any]], dict[str, int]]


def open_catalog(settings: Settings) -> Catalog:
    """The catalog of `settings` (default: SQLite in MEDLEY_HOME), its schema up to date; raises SetupError."""
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
        dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
        self._insert: Callable[..., Any] = dialect.insert

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

    def _put(self, table: Any, values: dict[str, Any], keys: Sequence[str]) -> None:
        statement = self._insert(table).values(**values)
        changed = {name: value for name, value in values.items() if name not in (*keys, "created")}
        self._write(statement.on_conflict_do_update(index_elements=list(keys), set_=changed))

    # runs

    def begin_run(self, run_id: str, flow: str, profile: str) -> None:
        """Notes a run of this process."""
        here = {"host": socket.gethostname(), "pid": os.getpid(), "pid_started": born(os.getpid())}
        noted = {"run_id": run_id, "flow": flow, "status": "running", "profile": profile, "started": utc_now()}
        self._write(runs.insert().values(**noted, **here, seen=time.time()))

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
        """Which flow run of Prefect shows this run."""
        changed = update(runs).where(runs.c.run_id == run_id)
        self._write(changed.values(prefect_run_id=prefect_run_id, prefect_open=True))

    def open_prefect_runs(self) -> list[str]:
        """Flow runs of Prefect that may still say Running, though the run is over and its process has gone."""
        over = select(runs).where(runs.c.prefect_open, runs.c.status != "running", runs.c.host == socket.gethostname())
        with self.engine.connect() as connection:
            return [row.prefect_run_id for row in connection.execute(over) if not lives(row.pid, row.pid_started)]

    def close_prefect_run(self, prefect_run_id: str) -> None:
        """Prefect's rows of that flow run are true."""
        self._write(update(runs).where(runs.c.prefect_run_id == prefect_run_id).values(prefect_open=False))

    def crash_dead_runs(self) -> None:
        """Runs of this host whose process is gone, and silent ones of others, become crashed, and their claims free."""
        with self.engine.connect() as connection:
            running = connection.execute(select(runs).where(runs.c.status == "running")).all()
        dead = [row.run_id for row in running if not is_alive(row)]
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
        """Runs that have not ended."""
        with self.engine.connect() as connection:
            return set(connection.execute(select(runs.c.run_id).where(runs.c.status == "running")).scalars())

    # locations and assets

    def location(self, path: str) -> Location | None:
        """What is known of a path."""
        columns = [locations.c[name] for name in Location.__slots__]
        with self.engine.connect() as connection:
            row = connection.execute(select(*columns).where(locations.c.path == path)).first()
        return None if row is None else Location(*row)

    def upsert_location(self, found: Location) -> None:
        """Notes what a path shows now. The asset it showed before has one location less: see `replaced_assets`."""
        self._put(locations, {**asdict(found), "error": None, "attempts": 0, "seen": utc_now()}, ["path"])

    def record_seen(self, paths: Sequence[str]) -> None:
        """Notes that paths show what they showed before."""
        fine = {"error": None, "attempts": 0, "seen": utc_now()}
        self._write(update(locations).where(locations.c.path.in_(paths)).values(**fine))

    def move_location(self, path: str, to: str) -> None:
        """The same file has another path now."""
        self._write(
            delete(locations).where(locations.c.path == to),
            update(locations).where(locations.c.path == path).values(path=to),
        )

    def replaced_assets(self) -> list[str]:
        """Assets with an outcome that no path shows any more: a merely deleted file keeps its location."""
        seen = select(locations.c.asset_id).where(locations.c.asset_id == outcomes.c.asset_id)
        claimed = select(claims.c.asset_id).where(claims.c.asset_id == outcomes.c.asset_id)
        query = select(outcomes.c.asset_id).distinct().where(~seen.exists(), ~claimed.exists())
        with self.engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def forget_outcomes(self, asset_id: str) -> None:
        """The asset counts as never worked on."""
        self._write(delete(outcomes).where(outcomes.c.asset_id == asset_id))

    def record_path_failure(self, path: str, error: dict[str, Any]) -> None:
        """Notes that a path could not be identified; what it showed before stays known."""
        values = {"path": path, "error": error, "attempts": 1, "seen": utc_now()}
        changed = {"error": error, "attempts": locations.c.attempts + 1, "seen": utc_now()}
        statement = self._insert(locations).values(**values)
        self._write(statement.on_conflict_do_update(index_elements=["path"], set_=changed))

    def newest_locations(self, asset_ids: Sequence[str]) -> dict[str, str]:
        """The path at which each asset was seen last."""
        query = select(locations.c.asset_id, locations.c.path).where(locations.c.asset_id.in_(asset_ids))
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(locations.c.seen)).all()
        return {row.asset_id: row.path for row in rows}

    def media(self, asset_id: str) -> MediaInfo | None:
        """What the probe found, if it ran before."""
        with self.engine.connect() as connection:
            found = connection.execute(select(assets.c.media).where(assets.c.asset_id == asset_id)).scalar()
        if not found or found.keys() != {field.name for field in fields(MediaInfo)}:
            return None  # or noted by another version of ours: probed again
        return MediaInfo(**found)

    def upsert_asset(self, asset_id: str, size_bytes: int, media: MediaInfo | None) -> None:
        """Notes an asset; `media` None where it could not be opened."""
        known = {"asset_id": asset_id, "size_bytes": size_bytes, "media": asdict(media) if media else None}
        self._put(assets, {**known, "created": utc_now()}, ["asset_id"])

    # outcomes and stages

    def outcome(self, asset_id: str, flow: str) -> Outcome | None:
        """How the last attempt ended."""
        columns = [outcomes.c[name] for name in Outcome.__slots__]
        query = select(*columns).where(outcomes.c.asset_id == asset_id, outcomes.c.flow == flow)
        with self.engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else Outcome(*row)

    def begin_attempts(self, asset_ids: Iterable[str], flow: str, plan: str, run_id: str) -> None:
        """Counts attempts before they are made, so that one that takes the process down is counted too."""
        begun: Ending = ("running", [], {})
        self._put_outcomes(dict.fromkeys(asset_ids, begun), flow, plan, run_id, outcomes.c.attempts + 1)

    def record_outcomes(self, ended: Mapping[str, Ending], flow: str, plan: str, run_id: str) -> None:
        """How attempts ended, by asset."""
        self._put_outcomes(ended, flow, plan, run_id, outcomes.c.attempts)

    def _put_outcomes(self, found: Mapping[str, Ending], flow: str, plan: str, run_id: str, attempts: Any) -> None:
        """`attempts` is their new number where `plan` has been attempted before."""
        names = ("asset_id", "flow", "plan", "run_id", "updated", "status", "errors", "records", "attempts")
        now = utc_now()
        rows = [dict(zip(names, (key, flow, plan, run_id, now, *end, 1), strict=True)) for key, end in found.items()]
        statement = self._insert(outcomes)
        changed = {name: statement.excluded[name] for name in names[2:-1]}
        changed["attempts"] = case((outcomes.c.plan == plan, attempts), else_=1)
        statement = statement.on_conflict_do_update(index_elements=["asset_id", "flow"], set_=changed)
        if rows:
            self._write((statement, rows))  # compiled once, whatever their number

    def record_stages(self, rows: Sequence[dict[str, Any]]) -> None:
        """What a run did in each stage of an asset; see `tables.stages` for the keys."""
        if rows:
            self._write((stages.insert(), list(rows)))

    # claims

    def claim(self, asset_id: str, run_id: str) -> bool:
        """Whether the asset is now this run's; an expired claim is free."""
        now = time.time()
        if self._held_here(asset_id, run_id):
            return False  # whatever the clock says, which may have been set
        values = {"asset_id": asset_id, "run_id": run_id, "expires": now + CLAIM_S}
        statement = self._insert(claims).values(**values)
        free = (claims.c.expires < now) | (claims.c.run_id == run_id)
        statement = statement.on_conflict_do_update(index_elements=["asset_id"], set_=values, where=free)
        # not its rowcount: psycopg gives none for an insert
        return self._write(statement.returning(claims.c.asset_id)) is not None

    def _held_here(self, asset_id: str, run_id: str) -> bool:
        """Whether another run, whose process lives on this host, has the claim."""
        joined = claims.join(runs, runs.c.run_id == claims.c.run_id)
        query = select(runs).select_from(joined).where(claims.c.asset_id == asset_id, runs.c.run_id != run_id)
        with self.engine.connect() as connection:
            row = connection.execute(query.where(runs.c.status == "running")).first()
        return row is not None and is_here(row) and is_alive(row)

    def claimed(self, asset_id: str) -> bool:
        """Whether a run holds it."""
        held = select(claims.c.run_id).where(claims.c.asset_id == asset_id, claims.c.expires >= time.time())
        with self.engine.connect() as connection:
            return connection.execute(held).first() is not None

    def renew_claims(self, run_id: str) -> None:
        """Keeps the claims of a living run, and notes that it lives."""
        self._write(
            update(claims).where(claims.c.run_id == run_id).values(expires=time.time() + CLAIM_S),
            update(runs).where(runs.c.run_id == run_id).values(seen=time.time()),
        )

    def release(self, asset_id: str, run_id: str) -> None:
        """Frees one asset."""
        self._write(delete(claims).where(claims.c.asset_id == asset_id, claims.c.run_id == run_id))
