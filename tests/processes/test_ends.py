"""Ends of a run in a process of its own: killed, interrupted, terminated, and two commands at once."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from flows.chaos.faults import FILLER, small_disk
from medley.catalog import open_catalog
from medley.catalog.tables import runs, stages
from medley.catalog.views import status_runs
from medley.settings import Settings, load_settings
from tests.conftest import ROOT, SAMPLE, Answer, Medley, command, eventually
from tests.ends import ACCIDENTS, SIGNALS, End
from tests.traces import assert_same_results, manifests, of_medley, results
from tests.variants import cut, first_seconds

TABLE = [*SIGNALS, *ACCIDENTS]


def start(verb: str, *arguments: object) -> subprocess.Popen[str]:
    """A command in a process of its own, in the background."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # else a hangup is ignored where the tests run under nohup
    try:
        return subprocess.Popen(command(verb, *arguments), cwd=ROOT, **pipes)  # type: ignore[call-overload, no-any-return]
    finally:
        signal.signal(signal.SIGHUP, before)


def end(process: subprocess.Popen[str]) -> Answer:
    """Waits for it."""
    out, err = process.communicate(timeout=200)
    return Answer(process.returncode, out, err)


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Ten short videos: the same ones for every end."""
    directory = tmp_path_factory.mktemp("ten")
    paths = [directory / f"{n}.mp4" for n in range(10)]
    for n, path in enumerate(paths):
        cut(SAMPLE, path, start_s=4 * n, seconds=4)
    return paths


_undisturbed: dict[str, Any] = {}


@pytest.fixture
def undisturbed(ten: list[Path], medley_here: Medley, home: Path) -> dict[str, Any]:
    """What a run makes of them when it is left alone; made once, in a home that is cleared for the test."""
    if not _undisturbed:
        assert medley_here("video", *ten).code == 0
        _undisturbed.update(results(home))
        shutil.rmtree(home)
    return _undisturbed


@pytest.fixture
def prefect_for(
    pytestconfig: pytest.Config, prefect_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[End], None]:
    """A server of its own with --whole, and where it is the victim; else the session's, to save time."""

    def choose(case: End) -> None:
        if not pytestconfig.getoption("--whole") and "prefect" not in case.name:
            monkeypatch.setenv("PREFECT_API_URL", prefect_url)

    return choose


@pytest.mark.whole  # make test-ends; every day tests/chaos kills one
@pytest.mark.table(share=40)
@pytest.mark.timeout(600)
def test_end_in_the_middle_of_ten_videos(
    case: End,
    home: Path,
    ten: list[Path],
    undisturbed: dict[str, Any],
    medley_here: Medley,
    prefect_for: Callable[[End], None],
) -> None:
    prefect_for(case)
    with small_disk(home, "size=600m") if case.small_disk else contextlib.nullcontext():
        items = struck(case, home, ten)
        done = manifests(home)
        again = medley_here("video", *ten, "--json")
        assert again.code == 0, again.err
        assert {item["status"] for item in again.report["items"]} <= {"complete", "unchanged"}
        before = {item["path"] for item in items if item["status"] == "complete"}
        assert before <= {item["path"] for item in again.report["items"] if item["status"] == "unchanged"}
        kept = {place: made for place, made in manifests(home).items() if place in done}
        assert kept == done, "finished stages are not done again"
        assert_same_results(results(home), undisturbed)
        assert of_medley(home) == []
        past = status_runs(open_catalog(load_settings()).engine, 10)
        assert [run["status"] in case.ended.split("|") for run in past[1:]] == [True]


def struck(case: End, home: Path, ten: list[Path]) -> list[dict[str, Any]]:
    """The items of a run that was ended in the middle; empty where it could not report."""
    process = start("video", *ten, "--json", "--runner", case.runner)
    eventually(lambda: len(manifests(home)) >= 12, 180)
    case.strike(process, home)
    answer = end(process)
    assert answer.code in case.codes, answer.err
    assert "Traceback" not in answer.err
    eventually(lambda: not of_medley(home), 20)
    (home / FILLER).unlink(missing_ok=True)
    if not case.report:
        return []
    items: list[dict[str, Any]] = answer.report["items"]
    assert [item["path"] for item in items] == [str(path) for path in ten]
    assert all(item["errors"] for item in items if item["status"] in ("failed", "partial"))
    assert any(item["status"] in ("cancelled", "failed", "partial") for item in items) == (answer.code != 0)
    return items


@pytest.mark.whole  # for CI: unit/test_claims.py has the rules, platform/test_platform.py several runs at once
def test_two_commands_and_a_search_at_once(
    home: Path, settings: Settings, tmp_path: Path, prefect_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    files = [tmp_path / f"{name}.mp4" for name in "abc"]
    for path, seconds in zip(files, (16, 12, 8), strict=True):
        first_seconds(SAMPLE, path, seconds)
    one = start("video", *files[:2], "--json", "--runner", "local")
    two = start("video", *files[1:], "--json", "--runner", "local")
    eventually((home / "run" / "milvus.json").exists)
    search = end(start("search", "anything", "--json"))
    assert (search.code, search.err) == (0, "")
    for answer in (end(one), end(two)):
        assert answer.code == 0, answer.err
        assert {item["status"] for item in answer.report["items"]} <= {"complete", "unchanged"}
    with open_catalog(settings).engine.connect() as connection:
        done = connection.execute(select(stages.c.asset_id, stages.c.stage).where(stages.c.state == "completed")).all()
        assert len(connection.execute(runs.select()).all()) == 2
    assert set(Counter(done).values()) == {1}, "each asset worked on once"
    assert len(done) == 8 * 3
    assert of_medley(home) == []
    assert json.loads(end(start("search", "a red circle", "--json")).out)["hits"]
