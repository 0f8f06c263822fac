"""The standing installation as its users run it: up, an upload, a search, a part that dies, down."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import select

from flows.services.addresses import prefect_url, running
from flows.services.reaper import descendants
from flows.up.installation import flow_processes, is_free, programs, supervisor_pid
from medley.catalog import open_catalog
from medley.catalog.tables import stages
from medley.catalog.views import status_items
from medley.settings import Settings, load_settings
from tests.conftest import SAMPLE, Medley, eventually, put
from tests.traces import of_medley
from tests.variants import cut

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def uploads_in_bucket(bucket: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """What `up` then watches."""
    monkeypatch.setenv("MEDLEY_UPLOADS", "s3://media/in")
    return "s3://media/in"


@pytest.fixture
def room_for_four(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs at the same time: what is to be skipped must not wait for room first."""
    monkeypatch.setenv("MEDLEY_UP__RUNS", "4")


@pytest.fixture
def up(home: Path, medley_process: Medley, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """An installation in a home of its own, ended afterwards."""
    everything: list[psutil.Process] = []
    # among those that Ray keeps for its workers, where nobody says otherwise
    port = next(port for port in random.sample(range(10002, 20000), 100) if is_free("127.0.0.1", port))
    monkeypatch.setenv("MEDLEY_UP__RAY_PORT", str(port))
    try:
        started = medley_process("up", "--detach")
        assert started.code == 0, started.err
        yield load_settings()
        pid = supervisor_pid(load_settings())
        everything = descendants(pid) if pid else []
    finally:
        ended = medley_process("down")
        assert ended.code == 0, ended.err
    assert of_medley(home) == []
    assert [process for process in everything if is_alive(process)] == []


def is_alive(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


def searchable(medley: Medley, path: Path | str) -> bool:
    """Whether a search finds something in the file."""
    answer = medley("search", "a red circle", "--limit", "50", "--json")
    assert answer.code == 0, answer.err
    return any(hit["path"] == str(path) for hit in answer.report["hits"])


def top_level_runs(client: SyncPrefectClient) -> list[Any]:
    return [run for run in begun_runs(client) if run.parent_task_run_id is None]


def begun_runs(client: SyncPrefectClient) -> list[Any]:
    """All runs but those that the schedule has planned for the nights to come."""
    return [run for run in client.read_flow_runs() if not run.state.is_scheduled()]


def prefect_of(settings: Settings) -> str:
    url = prefect_url(settings)
    assert url
    return url


def completed_stages(settings: Settings) -> Counter[tuple[str, str]]:
    """How often each stage of each asset was done."""
    with open_catalog(settings).engine.connect() as connection:
        rows = connection.execute(select(stages.c.asset_id, stages.c.stage).where(stages.c.state == "completed"))
        return Counter((row.asset_id, row.stage) for row in rows)


def outcomes_of(settings: Settings) -> Counter[str]:
    """Known paths by status."""
    items = status_items(open_catalog(settings).engine, failed_only=False)
    return Counter(item["status"] for item in items)


def all_healthy(settings: Settings) -> bool:
    return set(programs(settings).values()) <= {"RUNNING", "EXITED"} and all(
        running(name, settings) for name in ("prefect", "milvus", "ray", "worker", "watch", "serve")
    )


def land(paths: list[Path], folder: Path, seconds: float, *, slowly: set[Path]) -> None:
    """Copies them within so many seconds; some are half written for five seconds."""
    halves: list[tuple[Path, Path]] = []
    for path in paths:
        target, content = folder / path.name, path.read_bytes()
        target.write_bytes(content[: len(content) // 2] if path in slowly else content)
        if path in slowly:
            halves.append((path, target))
        time.sleep(seconds / len(paths))
    time.sleep(5.0)
    for path, target in halves:
        with target.open("ab") as file:
            file.write(path.read_bytes()[target.stat().st_size :])


@pytest.mark.whole
@pytest.mark.timeout(2400)
def test_two_hundred_files_in_ten_seconds(up: Settings, tmp_path: Path, medley_process: Medley) -> None:
    source = tmp_path / "source"
    source.mkdir()
    clips = [source / f"clip-{n:03}.mp4" for n in range(135)]
    for n, clip in enumerate(clips):
        cut(SAMPLE, clip, start_s=0.3 * n, seconds=1)
    copies = [Path(shutil.copy(clip, source / f"copy-of-{clip.name}")) for clip in clips[:50]]
    hostile = [source / f"hostile-{n}.mp4" for n in range(5)]
    contents = (
        b"#EXTM3U\n/etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"x" * 99,
        b"PK\x03\x04",
        b"\x7fELF",
    )
    for path, content in zip(hostile, contents, strict=True):
        path.write_bytes(content)
    landing = [*clips, *copies, *hostile]
    random.Random(1).shuffle(landing)
    land(landing, Path(up.upload_source), 10.0, slowly=set(clips[60:70]))

    eventually(lambda: outcomes_of(up) == {"complete": 185, "failed": 5}, 1800)
    assert set(completed_stages(up).values()) == {1}
    assert len({asset for asset, _ in completed_stages(up)}) == len(clips)
    with temporary_settings({PREFECT_API_URL: prefect_of(up)}), get_client(sync_client=True) as client:
        assert len(top_level_runs(client)) <= 10


def victim(name: str, settings: Settings) -> int:
    """The process to kill: a part's own one, not its parent under supervisor."""
    if name == "flow":
        return eventually(lambda: list(flow_processes(settings).values()), 60)[0]
    found = json.loads((settings.run_dir / f"{name}.json").read_text())
    return int(found.get("service_pid", found["pid"]))


@pytest.mark.whole
@pytest.mark.timeout(2400)
def test_killed_one_after_another_while_files_land(up: Settings, tmp_path: Path, medley_process: Medley) -> None:
    landed = 0
    for name in ("watch", "worker", "flow", "prefect", "milvus", "ray"):
        for _ in range(3):
            cut(SAMPLE, Path(up.upload_source) / f"{landed}.mp4", start_s=2.0 * landed, seconds=2)
            landed += 1
        eventually(lambda: flow_processes(up), 60)
        os.kill(victim(name, up), signal.SIGKILL)
        eventually(lambda: all_healthy(up), 120)
    healthy = time.monotonic()
    with temporary_settings({PREFECT_API_URL: prefect_of(up)}), get_client(sync_client=True) as client:
        eventually(lambda: outcomes_of(up) == {"complete": landed}, 600)
        eventually(lambda: all(run.state.is_final() for run in begun_runs(client)), 60)
    print(f"all searchable {time.monotonic() - healthy:.0f} s after the last part was healthy")
    for n in range(landed):
        assert medley_process("search", "a", "--limit", "100", "--json").code == 0, n
    assert set(completed_stages(up).values()) == {1}


@pytest.mark.whole
def test_uploads_to_a_bucket(uploads_in_bucket: str, up: Settings, tmp_path: Path, medley_process: Medley) -> None:
    for n in range(2):
        cut(SAMPLE, tmp_path / f"{n}.mp4", start_s=6 * n, seconds=6)
        put(f"in/deep er/{n}.mp4", (tmp_path / f"{n}.mp4").read_bytes())
    put("in/again.mp4", (tmp_path / "0.mp4").read_bytes())
    put("in/no.mp4", b"#EXTM3U\n/etc/passwd\n")
    put("in/half.mp4.part", (tmp_path / "0.mp4").read_bytes()[:1000])
    eventually(lambda: outcomes_of(up) == {"complete": 3, "failed": 1}, 180)
    assert set(completed_stages(up).values()) == {1}
    for n in range(2):
        assert searchable(medley_process, f"{uploads_in_bucket}/deep er/{n}.mp4")
    cut(SAMPLE, tmp_path / "2.mp4", start_s=12, seconds=6)
    put("in/again.mp4", (tmp_path / "2.mp4").read_bytes())
    eventually(lambda: searchable(medley_process, f"{uploads_in_bucket}/again.mp4"), 120)
    with temporary_settings({PREFECT_API_URL: prefect_of(up)}), get_client(sync_client=True) as client:
        assert len(top_level_runs(client)) <= 3


@pytest.mark.whole
def test_up_again_has_history_and_index(up: Settings, medley_process: Medley) -> None:
    path = Path(up.upload_source) / "clip.mp4"
    cut(SAMPLE, path, start_s=0, seconds=6)
    eventually(lambda: outcomes_of(up) == {"complete": 1} and not flow_processes(up), 150)
    assert medley_process("down").code == 0
    assert of_medley(up.home) == []
    assert medley_process("up", "--detach").code == 0
    assert searchable(medley_process, path)
    with temporary_settings({PREFECT_API_URL: prefect_of(up)}), get_client(sync_client=True) as client:
        assert len(top_level_runs(client)) == 1, "the history is there, and nothing is done again"


@pytest.mark.whole
def test_the_schedule_fires_and_skips_what_would_overlap(room_for_four: None, up: Settings) -> None:
    for n in range(10):
        cut(SAMPLE, Path(up.upload_source) / f"{n}.mp4", start_s=4 * n, seconds=6)
    with temporary_settings({PREFECT_API_URL: prefect_of(up)}), get_client(sync_client=True) as client:
        nightly = client.read_deployment_by_name("ingest/ingest-nightly")
        every = IntervalSchedule(interval=timedelta(seconds=12))
        client.create_deployment_schedules(nightly.id, [(every, True)])

        def states() -> set[str]:
            wanted = DeploymentFilter(id=DeploymentFilterId(any_=[nightly.id]))
            runs = client.read_flow_runs(deployment_filter=wanted)
            return {run.state.name for run in runs}

        eventually(lambda: {"Completed", "Cancelled"} <= states(), 180)


def test_uploads_become_searchable_whatever_dies(up: Settings, medley_process: Medley) -> None:
    """The short form of `make test-platform`: uploads and a copy of one, the store killed while the run begins."""
    first, second = Path(up.upload_source) / "first.mp4", Path(up.upload_source) / "second.mp4"
    cut(SAMPLE, first, start_s=0, seconds=6)
    shutil.copy(first, Path(up.upload_source) / "again.mp4")
    cut(SAMPLE, second, start_s=6, seconds=6)
    eventually(lambda: flow_processes(up), 60)
    os.kill(victim("milvus", up), signal.SIGKILL)
    for path in (first, second):
        eventually(lambda path=path: searchable(medley_process, path), 150)
    # Frames are found before the words of the same video are written, and the item has ended.
    eventually(lambda: outcomes_of(up) == {"complete": 3}, 60)

    assert set(completed_stages(up).values()) == {1}, "each stage of each asset once, the duplicate's not at all"
    assert set(programs(up).values()) <= {"RUNNING", "EXITED"}
    with temporary_settings({PREFECT_API_URL: prefect_of(up)}), get_client(sync_client=True) as client:
        runs = top_level_runs(client)
        assert {run.deployment_id for run in runs} == {client.read_deployment_by_name("upload/on-upload").id}
        eventually(lambda: all(run.state.is_final() for run in begun_runs(client)), 60)
    doctor = medley_process("doctor", "--json")
    assert doctor.code == 0, doctor.out
    assert medley_process("up", "--detach").out.startswith("Medley is up already.")
    assert supervisor_pid(up)
