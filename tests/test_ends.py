"""Ends of a run in a process of its own: killed, interrupted, terminated, and two commands at once."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from prefect import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling
from sqlalchemy import select

from medley.catalog import open_catalog
from medley.catalog.tables import runs, stages
from medley.catalog.views import status_runs
from medley.settings import Settings, load_settings
from tests.conftest import ROOT, SAMPLE, Answer, Medley, command, eventually
from tests.media import first_seconds
from tests.traces import assert_same_results, of_medley, results


def start(verb: str, *arguments: object) -> subprocess.Popen[str]:
    """A command in a process of its own, in the background."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command(verb, *arguments), cwd=ROOT, **pipes)  # type: ignore[call-overload, no-any-return]


def end(process: subprocess.Popen[str]) -> Answer:
    """Waits for it."""
    out, err = process.communicate(timeout=200)
    return Answer(process.returncode, out, err)


def test_killed_command_leaves_nothing_and_is_resumed(
    home: Path, medley: Medley, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PREFECT_API_URL")
    monkeypatch.setenv("MEDLEY_HOME", str(tmp_path / "killed"))
    monkeypatch.setenv("MEDLEY_RUNNER", "ray")
    killed = start("video", SAMPLE)
    eventually(lambda: list((tmp_path / "killed").glob("artifacts/*/*/transcribe/*/manifest.json")), 120)
    killed.kill()
    end(killed)
    eventually(lambda: not of_medley(tmp_path / "killed"), 15)

    monkeypatch.setenv("MEDLEY_RUNNER", "local")
    item = medley("video", SAMPLE, "--json").report["items"][0]
    states = {stage["name"]: stage["state"] for stage in item["stages"]}
    assert (item["status"], states["transcribe"], states["extract_audio"]) == ("complete", "cached", "cached")
    past = status_runs(open_catalog(load_settings()).engine, 10)
    assert [run["status"] for run in past] == ["complete", "crashed"]

    monkeypatch.setenv("MEDLEY_HOME", str(home))
    assert medley("video", SAMPLE).code == 0
    assert_same_results(results(home), results(tmp_path / "killed"))


def test_interrupted_command_reports_and_leaves_nothing(home: Path, settings: Settings) -> None:
    running = start("video", SAMPLE, "--json", "--runner", "ray")
    eventually(lambda: list(home.glob("artifacts/*/*/sample_frames/*/manifest.json")), 120)
    running.send_signal(signal.SIGINT)
    answer = end(running)
    assert (answer.code, answer.report["status"]) == (130, "cancelled")
    assert answer.report["items"][0]["status"] == "cancelled"
    assert "Traceback" not in answer.err
    assert of_medley(home) == []
    assert status_runs(open_catalog(settings).engine, 1)[0]["status"] == "cancelled"


def test_terminated_command_reports_and_leaves_nothing(home: Path) -> None:
    running = start("video", SAMPLE, "--json", "--runner", "local")
    eventually(lambda: list(home.glob("artifacts/*/*/sample_frames/*/manifest.json")), 120)
    running.send_signal(signal.SIGTERM)
    answer = end(running)
    assert (answer.code, answer.report["items"][0]["status"]) == (143, "cancelled")
    assert of_medley(home) == []


def test_two_commands_and_a_search_at_once(home: Path, settings: Settings, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.mp4" for name in "abc"]
    shutil.copy(SAMPLE, files[0])
    first_seconds(SAMPLE, files[1], 20)
    first_seconds(SAMPLE, files[2], 10)
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


def test_cancelled_in_the_ui(home: Path, prefect_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect tells a command's process nothing: it looks at its own flow run every few seconds."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    running = start("video", SAMPLE, "--json", "--runner", "local")
    eventually(lambda: list(home.glob("artifacts/*/*/sample_frames/*/manifest.json")), 120)
    with open_catalog(load_settings()).engine.connect() as connection:
        flow_run = connection.execute(select(runs.c.prefect_run_id)).scalar_one()
    with temporary_settings({PREFECT_API_URL: prefect_url}), get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run, Cancelling(), force=True)
        answer = end(running)
        state = client.read_flow_run(flow_run).state
    assert (answer.code, answer.report["items"][0]["status"]) == (1, "cancelled"), answer.err
    assert state is not None
    assert state.is_cancelled()
