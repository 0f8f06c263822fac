"""Claims: one run works on an asset, and a dead one holds nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psutil
import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError

from flows.engine import ledger as run_module
from medley.catalog import Catalog, Location, Outcome, engine, open_catalog
from medley.catalog.alive import LEASE_S
from medley.catalog.tables import claims, runs
from medley.catalog.upsert import CLAIM_S
from medley.settings import Settings
from tests.conftest import eventually
from tests.fakes import MEDIA, asset_id

A, B = asset_id("a"), asset_id("b")


@pytest.fixture
def catalog(settings: Settings) -> Catalog:
    """A catalog in which two runs of this process are under way."""
    made = open_catalog(settings)
    made.begin_run("run-1", "video", "demo")
    made.begin_run("run-2", "video", "demo")
    return made


def shift_expiry(catalog: Catalog, seconds: float) -> None:
    with catalog.engine.begin() as connection:
        connection.execute(update(claims).values(expires=claims.c.expires + seconds))


def owners(catalog: Catalog) -> dict[str, str]:
    with catalog.engine.connect() as connection:
        return {row.asset_id: row.run_id for row in connection.execute(select(claims))}


def status_of(catalog: Catalog, run_id: str) -> str:
    with catalog.engine.connect() as connection:
        return str(connection.execute(select(runs.c.status).where(runs.c.run_id == run_id)).scalar())


def test_one_run_has_an_asset_and_may_ask_again(catalog: Catalog) -> None:
    assert catalog.claim([A], "run-1")
    assert not catalog.claim([A], "run-2")
    assert catalog.claim([A], "run-1")
    assert catalog.claim([B], "run-2")
    assert owners(catalog) == {A: "run-1", B: "run-2"}


def test_only_the_owner_releases(catalog: Catalog) -> None:
    assert catalog.claim([A], "run-1")
    catalog.release([A], "run-2")
    assert not catalog.claim([A], "run-2")
    catalog.release([A], "run-1")
    assert catalog.claim([A], "run-2")


def test_more_assets_than_a_statement_has_parameters(catalog: Catalog) -> None:
    assert catalog.claim([B], "run-2")
    few = sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999
    event.listen(catalog.engine, "connect", lambda connection, _: connection.setlimit(*few))
    catalog.engine.dispose()
    many = [f"{n:064}" for n in range(3000)]
    assert catalog.claim([*many, B], "run-1") == set(many)


def moved_elsewhere(catalog: Catalog) -> None:
    """The runs are those of another host: of their processes nothing is known here."""
    with catalog.engine.begin() as connection:
        connection.execute(update(runs).values(host="elsewhere"))


def test_an_expired_claim_is_free_and_a_renewed_one_is_not(catalog: Catalog) -> None:
    moved_elsewhere(catalog)
    assert catalog.claim([A], "run-1")
    assert catalog.claim([B], "run-1")
    shift_expiry(catalog, -CLAIM_S - 1)
    assert catalog.claim([B], "run-2")
    catalog.renew_claims("run-1")
    assert not catalog.claim([A], "run-2")
    assert owners(catalog) == {A: "run-1", B: "run-2"}


def test_renewing_revives_nothing_of_others(catalog: Catalog) -> None:
    moved_elsewhere(catalog)
    assert catalog.claim([A], "run-1")
    shift_expiry(catalog, -CLAIM_S - 1)
    catalog.renew_claims("run-2")
    assert catalog.claim([A], "run-2")


def test_the_end_of_a_run_frees_its_claims(catalog: Catalog) -> None:
    assert catalog.claim([A], "run-1")
    assert catalog.claim([B], "run-2")
    catalog.end_run("run-1", "complete", {"complete": 1})
    assert owners(catalog) == {B: "run-2"}
    assert (status_of(catalog, "run-1"), status_of(catalog, "run-2")) == ("complete", "running")


BEGIN = """
import sys, time
from medley.catalog import open_catalog
from medley.settings import load_settings
catalog = open_catalog(load_settings())
catalog.begin_run("dead", "video", "demo")
catalog.record_prefect_run("dead", "prefect-1")
assert catalog.claim([sys.argv[1]], "dead")
print("ready", flush=True)
time.sleep(600)
"""


@contextmanager
def run_of_another_process() -> Iterator[subprocess.Popen[str]]:
    """A process that has begun the run `dead` and claimed A."""
    child = subprocess.Popen([sys.executable, "-c", BEGIN, A], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        yield child
    finally:
        child.kill()
        child.communicate()


def test_runs_of_dead_processes_are_crashed(catalog: Catalog) -> None:
    catalog.upsert_location(Location("/a.mp4", A, 7, 1, "inode"), MEDIA)
    assert catalog.claim([B], "run-2")
    with run_of_another_process():
        for _ in range(2):
            catalog.begin_attempts([A], "video", "plan", "dead")
        catalog.crash_dead_runs()
        assert (status_of(catalog, "dead"), owners(catalog)[A]) == ("running", "dead"), "it lives"
        assert catalog.open_prefect_runs() == []
    catalog.crash_dead_runs()
    assert [status_of(catalog, name) for name in ("dead", "run-1", "run-2")] == ["crashed", "running", "running"]
    assert owners(catalog) == {B: "run-2"}
    assert catalog.outcome(A, "video") == Outcome("plan", "pending", [], {}, 2), "its attempts stay counted"


def test_a_dead_process_that_nobody_has_waited_for_is_dead(catalog: Catalog) -> None:
    with run_of_another_process() as child:
        child.kill()
        eventually(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
        catalog.crash_dead_runs()
        assert (status_of(catalog, "dead"), owners(catalog)) == ("crashed", {})


def test_prefect_is_told_once_of_a_run_that_is_over(catalog: Catalog) -> None:
    with run_of_another_process():
        catalog.record_prefect_run("run-1", "prefect-2")
    catalog.crash_dead_runs()
    assert catalog.open_prefect_runs() == ["prefect-1"]
    catalog.close_prefect_run("prefect-1")
    assert catalog.open_prefect_runs() == []
    catalog.end_run("run-1", "complete", {})
    catalog.end_run("run-2", "complete", {})
    assert catalog.open_prefect_runs() == [], "its process lives, and tells Prefect itself"


def test_a_pid_that_another_process_has_now_is_dead(catalog: Catalog) -> None:
    with catalog.engine.begin() as connection:
        connection.execute(update(runs).where(runs.c.run_id == "run-1").values(pid_started=runs.c.pid_started - 100))
    catalog.crash_dead_runs()
    assert (status_of(catalog, "run-1"), status_of(catalog, "run-2")) == ("crashed", "running")


def test_a_living_run_lives_on_when_the_clock_is_set(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Psutil reckons a process' age from the boot time, which moves with the clock."""
    real_time, real_boot_time = time.time, psutil._pslinux.boot_time
    for shift_s in (-86_400.0, 86_400.0):
        monkeypatch.setattr(psutil._pslinux, "boot_time", lambda shift_s=shift_s: real_boot_time() + shift_s)
        monkeypatch.setattr(time, "time", lambda shift_s=shift_s: real_time() + shift_s)
        catalog.crash_dead_runs()
        assert (status_of(catalog, "run-1"), status_of(catalog, "run-2")) == ("running", "running")


def test_runs_of_other_hosts_are_known_by_what_is_heard_of_them(catalog: Catalog) -> None:
    """A container that was replaced never comes back under its old name."""
    with catalog.engine.begin() as connection:
        connection.execute(update(runs).values(host="elsewhere", pid=2**22 + 1))
        connection.execute(update(runs).where(runs.c.run_id == "run-2").values(seen=time.time() - LEASE_S - 1))
    catalog.crash_dead_runs()
    assert (status_of(catalog, "run-1"), status_of(catalog, "run-2")) == ("running", "crashed")
    with catalog.engine.begin() as connection:
        connection.execute(update(runs).where(runs.c.run_id == "run-1").values(seen=time.time() - LEASE_S - 1))
    catalog.renew_claims("run-1")
    catalog.crash_dead_runs()
    assert status_of(catalog, "run-1") == "running"


def test_a_clock_that_is_set_frees_no_claim_of_a_living_run(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    assert catalog.claim(["c" * 64], "run-1")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 10_000)
    assert not catalog.claim(["c" * 64], "run-2")


def test_a_server_that_is_started_again_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away(Exception):
        pass

    class Server:
        loaded_dbapi = type("dbapi", (), {"OperationalError": Away})
        answers = iter([Away, "first", Away, Away, "again"])

        def connect(self, *args: object, **how: object) -> str:
            answer = next(self.answers)
            if answer is Away:
                raise Away
            return str(answer)

    monkeypatch.setattr(engine, "_AGAIN_S", 0.0)
    patience, server = engine._Patience(), Server()
    with pytest.raises(Away):  # never there: it is told at once
        patience.connect(server, None, (), {})
    assert patience.connect(server, None, (), {}) == "first"
    assert patience.connect(server, None, (), {}) == "again"


def test_claims_are_renewed_after_a_failure(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed: list[str] = []

    class Flaky:
        def renew_claims(self, run_id: str) -> None:
            renewed.append(run_id)
            if len(renewed) == 1:
                raise OperationalError("select", {}, Exception("server closed the connection"))

    monkeypatch.setattr(run_module, "_RENEW_S", 0.01)
    with run_module.claims_kept(Flaky(), "run-1"):  # type: ignore[arg-type]
        eventually(lambda: len(renewed) > 2)


RACE = """
import sys
from medley.catalog import open_catalog
from medley.settings import load_settings
catalog = open_catalog(load_settings())
run_id = sys.argv[1]
catalog.begin_run(run_id, "video", "demo")
print("ready", flush=True)
sys.stdin.readline()
print(*[n for n in range(60) if catalog.claim([f"{n:064d}"], run_id)])
"""


def test_of_two_processes_at_once_exactly_one_wins_each(settings: Settings) -> None:
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with ExitStack() as stack:
        both: list[subprocess.Popen[str]] = [
            stack.enter_context(subprocess.Popen([sys.executable, "-c", RACE, name], **pipes))
            for name in ("run-1", "run-2")
        ]
        assert [child.stdout.readline() for child in both if child.stdout] == ["ready\n"] * 2
        for child in both:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        won = [[int(number) for number in child.communicate(timeout=60)[0].split()] for child in both]
    assert sorted(won[0] + won[1]) == list(range(60))
    held = {int(owned): name for owned, name in owners(open_catalog(settings)).items()}
    assert held == dict.fromkeys(won[0], "run-1") | dict.fromkeys(won[1], "run-2")


def test_who_claims_between_a_look_and_a_claim_keeps_it(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = catalog._holders

    def somebody_is_faster(asset_ids: Any) -> dict[str, Any]:
        seen = looked(asset_ids)
        monkeypatch.setattr(catalog, "_holders", looked)
        assert catalog.claim([A], "run-2") == {A}
        shift_expiry(catalog, -2 * CLAIM_S)  # and the clock is set
        return seen

    monkeypatch.setattr(catalog, "_holders", somebody_is_faster)
    assert catalog.claim([A, B], "run-1") == {B}
    assert owners(catalog) == {A: "run-2", B: "run-1"}
