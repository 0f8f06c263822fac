"""The standing installation as its users run it: up, an upload, a search, a part that dies, down."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import select

from flows._services import running
from flows._up.installation import programs, supervisor_pid
from medley.catalog import open_catalog
from medley.catalog.tables import stages
from medley.settings import Settings, load_settings
from tests.conftest import SAMPLE, Medley, eventually
from tests.media import cut
from tests.traces import of_medley

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def up(home: Path, medley_process: Medley, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """An installation in a home of its own, ended afterwards."""
    before = ray_processes()
    try:
        started = medley_process("up", "--detach")
        assert started.code == 0, started.err
        yield load_settings()
    finally:
        ended = medley_process("down")
        assert ended.code == 0, ended.err
    assert of_medley(home) == []
    assert ray_processes() - before == set(), "Ray's processes hide their environment"


def ray_processes() -> set[int]:
    found = set()
    for process in psutil.process_iter(["name", "cmdline"]):
        if str(process.info["cmdline"]).startswith("['ray::") or process.info["name"] in ("raylet", "gcs_server"):
            found.add(process.pid)
    return found


def searchable(medley: Medley, path: Path) -> bool:
    """Whether a search finds something in the file."""
    answer = medley("search", "a red circle", "--limit", "50", "--json")
    assert answer.code == 0, answer.err
    return any(hit["path"] == str(path) for hit in answer.report["hits"])


def top_level_runs(client: SyncPrefectClient) -> list[Any]:
    return [run for run in client.read_flow_runs() if run.parent_task_run_id is None]


def prefect_of(settings: Settings) -> str:
    url = running("prefect", settings)
    assert url
    return url


def completed_stages(settings: Settings) -> Counter[tuple[str, str]]:
    """How often each stage of each asset was done."""
    with open_catalog(settings).engine.connect() as connection:
        rows = connection.execute(select(stages.c.asset_id, stages.c.stage).where(stages.c.state == "completed"))
        return Counter((row.asset_id, row.stage) for row in rows)


def test_uploads_become_searchable_whatever_dies(up: Settings, medley_process: Medley) -> None:
    """The short form of `make test-platform`: one upload, then one with a part killed while it lands."""
    first, second = up.upload_folder / "first.mp4", up.upload_folder / "second.mp4"
    cut(SAMPLE, first, start_s=0, seconds=6)
    shutil.copy(first, up.upload_folder / "again.mp4")
    eventually(lambda: searchable(medley_process, first), 150)

    victim = json.loads((up.run_dir / "milvus.json").read_text())["service_pid"]
    os.kill(victim, signal.SIGKILL)
    cut(SAMPLE, second, start_s=6, seconds=6)
    eventually(lambda: searchable(medley_process, second), 150)

    assert set(completed_stages(up).values()) == {1}, "each stage of each asset once, the duplicate's not at all"
    assert set(programs(up).values()) <= {"RUNNING", "EXITED"}
    with temporary_settings({PREFECT_API_URL: prefect_of(up)}), get_client(sync_client=True) as client:
        runs = top_level_runs(client)
        assert {run.deployment_id for run in runs} == {client.read_deployment_by_name("upload/on-upload").id}
        eventually(lambda: all(run.state.is_final() for run in client.read_flow_runs()), 60)
    doctor = medley_process("doctor", "--json")
    assert doctor.code == 0, doctor.out
    assert medley_process("up", "--detach").out.startswith("Medley is up already.")
    assert supervisor_pid(up)
