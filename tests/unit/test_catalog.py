"""The ledger: what it remembers of files, attempts and runs."""

from __future__ import annotations

import fcntl
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text, update

from medley.catalog import Catalog, Location, Outcome, migrate, open_catalog
from medley.catalog.retention import forget_old_runs
from medley.catalog.tables import locations, metadata, outcomes, runs, stages
from medley.catalog.views import status_items, status_runs, status_totals
from medley.errors import SetupError
from medley.settings import Settings
from tests.fakes import MEDIA, asset_id

A, B = asset_id("a"), asset_id("b")
ERROR = {"type": "CorruptMedia", "stage": "identify", "message": "is broken"}


@pytest.fixture
def catalog(settings: Settings) -> Catalog:
    return open_catalog(settings)


def see(catalog: Catalog, path: str, owner: str, *, seen: str = "") -> None:
    """A path shows an asset."""
    catalog.upsert_location(Location(path, owner, 7, 1, "inode"), MEDIA)
    if seen:
        with catalog.engine.begin() as connection:
            connection.execute(update(locations).where(locations.c.path == path).values(seen=seen))


def done(catalog: Catalog, owner: str, status: str = "complete", run_id: str = "run-1") -> None:
    catalog.record_outcomes({owner: (status, [], {"speech": 2})}, "video", "plan", run_id)


def column(catalog: Catalog, query: Any) -> list[Any]:
    with catalog.engine.connect() as connection:
        return list(connection.execute(query).scalars())


# schema


def test_migrations_give_the_tables_of_the_code(catalog: Catalog) -> None:
    with catalog.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []
    assert set(inspect(catalog.engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_head_is_the_newest_migration(catalog: Catalog) -> None:
    directory = Path(migrate.__file__).parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(directory))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [migrate.HEAD]
    names = sorted(path.name for path in (directory / "versions").glob("*.py"))
    assert names[-1].startswith(f"{migrate.HEAD}_")
    assert len(names) == len(list(script.walk_revisions()))
    assert column(catalog, text("SELECT version_num FROM alembic_version")) == [migrate.HEAD]


def test_a_newer_schema_is_refused_and_left_alone(catalog: Catalog, settings: Settings) -> None:
    with catalog.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SetupError, match=r"newer Medley \(schema 9999"):
        open_catalog(settings)
    assert column(catalog, text("SELECT version_num FROM alembic_version")) == ["9999"]


def test_opening_again_keeps_what_is_there(catalog: Catalog, settings: Settings) -> None:
    see(catalog, "/a.mp4", A)
    assert open_catalog(settings).location("/a.mp4") == Location("/a.mp4", A, 7, 1, "inode")


def test_whoever_comes_second_waits_for_the_first_to_make_the_schema(settings: Settings) -> None:
    """Two that begin to write ahead at once are "locked" at once, whatever busy_timeout says: one at a time."""
    with ThreadPoolExecutor() as threads, (settings.run_dir / "catalog.migrate").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = threads.submit(open_catalog, settings)
        wait([second], timeout=0.5)
        touched = (settings.home / "catalog.db").exists()
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert second.result().location("/a.mp4") is None
    assert not touched


def test_sqlite_writes_ahead_and_keeps_foreign_keys(catalog: Catalog) -> None:
    assert column(catalog, text("PRAGMA journal_mode")) == ["wal"]
    assert column(catalog, text("PRAGMA foreign_keys")) == [1]


def test_a_file_that_is_no_database(settings: Settings) -> None:
    (settings.home / "catalog.db").write_text("this is no database, and long enough to be taken for one\n" * 20)
    with pytest.raises(SetupError, match="not a database"):
        open_catalog(settings)


# locations


def test_what_the_probe_found_is_remembered(catalog: Catalog) -> None:
    assert catalog.media(A) is None
    catalog.upsert_location(Location("/a.mp4", A, 7, 1, "inode"), None)
    assert catalog.media(A) is None
    catalog.upsert_location(Location("/a.mp4", A, 7, 1, "inode"), MEDIA)
    assert catalog.media(A) == MEDIA


def test_a_replaced_asset_is_one_that_no_path_shows(catalog: Catalog) -> None:
    see(catalog, "/one.mp4", A)
    see(catalog, "/two.mp4", A)
    done(catalog, A)
    see(catalog, "/one.mp4", B)
    assert catalog.replaced_assets("mine") == []
    see(catalog, "/two.mp4", B)
    assert catalog.replaced_assets("mine") == [A]

    catalog.begin_run("run-1", "video", "demo")
    assert catalog.claim([A], "run-1")
    assert catalog.replaced_assets("mine") == [], "somebody works on it"
    catalog.release([A], "run-1")
    catalog.forget_outcomes(A)
    assert catalog.replaced_assets("mine") == []
    assert catalog.outcome(A, "video") is None


def test_newest_location(catalog: Catalog) -> None:
    see(catalog, "/old.mp4", A, seen="2026-01-01")
    see(catalog, "/new.mp4", A, seen="2026-01-03")
    see(catalog, "/between.mp4", A, seen="2026-01-02")
    see(catalog, "/b.mp4", B)
    assert catalog.newest_locations([A]) == {A: "/new.mp4"}
    assert catalog.newest_locations([]) == {}


def test_a_path_that_cannot_be_identified_is_counted_and_keeps_its_asset(catalog: Catalog) -> None:
    see(catalog, "/a.mp4", A)
    catalog.record_path_failure("/a.mp4", ERROR)
    catalog.record_path_failure("/a.mp4", ERROR)
    catalog.record_path_failure("/new.mp4", ERROR)
    known = {item["path"]: item for item in status_items(catalog.engine, failed_only=True)}
    assert (known["/a.mp4"]["asset_id"], known["/a.mp4"]["attempts"]) == (A, 2)
    assert (known["/new.mp4"]["asset_id"], known["/new.mp4"]["attempts"]) == (None, 1)
    assert known["/a.mp4"]["errors"] == [ERROR]
    see(catalog, "/a.mp4", A)
    done(catalog, A)
    assert [item["path"] for item in status_items(catalog.engine, failed_only=True)] == ["/new.mp4"]


# outcomes


def test_attempts_are_counted_for_each_plan(catalog: Catalog) -> None:
    see(catalog, "/a.mp4", A)
    for plan, expected in (("one", 1), ("one", 2), ("two", 1), ("two", 2), ("one", 1)):
        catalog.begin_attempts([A], "video", plan, "run-1")
        assert catalog.outcome(A, "video") == Outcome(plan, "running", [], {}, expected)
    assert catalog.outcome(A, "image") is None


def test_an_outcome_takes_the_place_of_the_last_one(catalog: Catalog) -> None:
    see(catalog, "/a.mp4", A)
    done(catalog, A, "failed")
    done(catalog, A, "complete")
    assert catalog.outcome(A, "video") == Outcome("plan", "complete", [], {"speech": 2}, 1)
    assert column(catalog, select(outcomes.c.asset_id)) == [A]


def test_stages_are_a_history(catalog: Catalog) -> None:
    catalog.begin_run("run-1", "video", "demo")
    see(catalog, "/a.mp4", A)
    row = {"run_id": "run-1", "asset_id": A, "stage": "chunk", "fingerprint": "f", "state": "failed"}
    row |= {"started": "now", "seconds": 1.0, "attempts": 1}
    catalog.record_stages([row])
    catalog.record_stages([row | {"state": "completed"}, row | {"stage": "embed_text", "state": "cached"}])
    catalog.record_stages([])
    assert column(catalog, select(stages.c.state).order_by(stages.c.id)) == ["failed", "completed", "cached"]


def test_status_counts_items_by_what_became_of_them(catalog: Catalog) -> None:
    see(catalog, "/a.mp4", A)
    see(catalog, "/twin.mp4", A)
    done(catalog, A)
    see(catalog, "/b.mp4", B)
    catalog.record_path_failure("/c.mp4", ERROR)
    assert status_totals(catalog.engine) == {"items": 4, "complete": 2, "pending": 1, "failed": 1, "assets": 1}
    assert [item["path"] for item in status_items(catalog.engine, failed_only=True)] == ["/b.mp4", "/c.mp4"]


# runs


def test_runs_newest_first(catalog: Catalog) -> None:
    for number in (1, 2, 3):
        catalog.begin_run(f"run-{number}", "video", "demo")
        with catalog.engine.begin() as connection:
            connection.execute(
                update(runs).where(runs.c.run_id == f"run-{number}").values(started=f"2026-01-0{number}")
            )
    catalog.end_run("run-2", "partial", {"failed": 1})
    shown = [(run["run_id"], run["status"], run["counts"]) for run in status_runs(catalog.engine, 2)]
    assert shown == [("run-3", "running", {}), ("run-2", "partial", {"failed": 1})]


def test_old_runs_are_forgotten_and_their_results_stay(settings: Settings) -> None:
    catalog = open_catalog(settings)
    see(catalog, "/a.mp4", A)
    for name in ("old", "new", "running"):
        catalog.begin_run(name, "video", "demo")
        (settings.home / "runs" / name).mkdir()
    catalog.record_outcomes({A: ("complete", [], {})}, "video", "plan", "old")
    for name in ("old", "new"):
        catalog.end_run(name, "complete", {})
    with catalog.engine.begin() as connection:
        long_ago = update(runs).where(runs.c.run_id.in_(["old", "running"]))
        connection.execute(
            long_ago.values(started="2020-01-01T00:00:00.000+00:00", ended="2020-01-02T00:00:00.000+00:00")
        )
    assert forget_old_runs(catalog, settings) == 1
    assert sorted(path.name for path in (settings.home / "runs").iterdir()) == ["new", "running"]
    outcome = catalog.outcome(A, "video")
    assert outcome is not None
    assert outcome.status == "complete"
