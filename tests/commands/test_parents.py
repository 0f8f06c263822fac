"""Parent runs: draining the uploads, and folders; as deployed runs, in this process and in threads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow, get_client
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingRetry

from flows.commands.terminal import Terminal
from flows.engine.parent import Parent, open_parent
from flows.ingest import ingest_sources
from flows.services.ray_runner import local_runner
from flows.upload import ingest_uploads
from flows.uploads.drain import CLAIM, _settle
from flows.video import ingest_video
from medley.catalog import open_catalog
from medley.catalog.uploads import Uploads
from medley.catalog.views import status_items, status_runs
from medley.errors import SetupError
from medley.option_values import Profile
from medley.options import IngestOptions, VideoOptions
from medley.report import ItemReport, ReportFile, exit_code
from medley.settings import Settings
from medley.sources.stability import seen_at
from medley.system import stop
from medley.system.stop import request_stop
from tests.conftest import SAMPLE, Medley
from tests.variants import first_seconds

DEMO = IngestOptions.model_validate({"profile": "demo"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clip, a copy of it, a text that claims to be a video."""
    made = tmp_path / "in"
    made.mkdir()
    first_seconds(SAMPLE, made / "clip.mp4", 4)
    (made / "copy.mp4").write_bytes((made / "clip.mp4").read_bytes())
    (made / "text.mp4").write_text("no video at all")
    return made


def run(flow: Flow[..., Any], settings: Settings, url: str, **parameters: Any) -> Any:
    """The final state of a run that no command has opened."""
    stop.clear_stop()
    with temporary_settings({PREFECT_API_URL: url}):
        return flow.with_options(task_runner=local_runner(settings))(**parameters, options=DEMO, return_state=True)


def by_name(settings: Settings) -> dict[str, str]:
    """Status of each known file."""
    items = status_items(open_catalog(settings).engine, failed_only=False)
    return {Path(item["path"]).name: item["status"] for item in items}


@pytest.mark.usefixtures("medley")
def test_uploads_are_drained_and_tidied_as_asked(folder: Path, settings: Settings, prefect_url: str) -> None:
    uploads = Uploads(open_catalog(settings).engine)
    after = {"clip.mp4": "move", "copy.mp4": "delete", "text.mp4": "move"}
    uploads.record([seen_at(folder / name, str(folder), what) for name, what in after.items()])
    state = run(ingest_uploads, settings, prefect_url, paths=[str(folder / "gone.mp4")])
    assert (state.type.value, state.name) == ("FAILED", "Partial"), state.message
    assert "text.mp4" in state.message
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.mp4")) == [
        "done/clip.mp4",
        "failed/text.mp4",
    ]
    assert by_name(settings)["clip.mp4"] == "complete"
    assert uploads.waiting_paths(10) == []
    assert sum("copy.mp4#" in name for name in by_name(settings)) == 1, "what was deleted is no path any more"
    assert [item["flow"] for item in status_runs(open_catalog(settings).engine, 10)] == ["video", "upload"]


@pytest.mark.parametrize("after", ["delete", "move"])
def test_content_that_lands_while_the_old_one_is_worked_on_is_not_tidied_away(
    folder: Path, settings: Settings, after: str
) -> None:
    catalog = open_catalog(settings)
    catalog.begin_run("run", "upload", "demo")
    path = folder / "clip.mp4"
    taken = seen_at(path, str(folder), after)
    path.write_text("something else")
    parent = Parent("run", settings, catalog, DEMO, ReportFile(settings.home / "runs" / "run"))
    _settle(taken, {"status": "complete", "errors": [], "asset_id": "0" * 64}, parent)
    assert path.read_text() == "something else"


@pytest.mark.usefixtures("medley")
def test_a_second_drain_leaves_it_to_the_first(folder: Path, settings: Settings, prefect_url: str) -> None:
    catalog = open_catalog(settings)
    uploads = Uploads(catalog.engine)
    catalog.begin_run("first", "upload", "demo")
    assert catalog.claim([CLAIM], "first")
    state = run(ingest_uploads, settings, prefect_url, paths=[str(folder / "clip.mp4")])
    assert state.is_completed()
    assert uploads.waiting_paths(10) == [str(folder / "clip.mp4")], "noted for the one that drains"


@pytest.mark.whole  # make test-hard has it
@pytest.mark.usefixtures("medley")
def test_what_was_cancelled_waits_for_the_next_run(folder: Path, settings: Settings, prefect_url: str) -> None:
    uploads = Uploads(open_catalog(settings).engine)
    uploads.record([seen_at(folder / "clip.mp4", str(folder))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medley.system.stop.clear_stop", lambda: None)
        stop.request_stop()
        with temporary_settings({PREFECT_API_URL: prefect_url}):
            runner = local_runner(settings)
            ingest_uploads.with_options(task_runner=runner)(options=DEMO, return_state=True)
    assert uploads.waiting_paths(10) == [str(folder / "clip.mp4")]
    assert run(ingest_uploads, settings, prefect_url).is_completed()
    assert by_name(settings) == {"clip.mp4": "complete"}


def test_folders_are_routed_by_content(folder: Path, settings: Settings, medley: Medley, prefect_url: str) -> None:
    def runs() -> int:
        with temporary_settings({PREFECT_API_URL: prefect_url}), get_client(sync_client=True) as client:
            return len([run for run in client.read_flow_runs() if run.parent_task_run_id])

    (folder / "notes.log").write_text("not ours")
    state = run(ingest_sources, settings, prefect_url, sources=[str(folder), str(folder / "nowhere")])
    assert state.name == "Partial"
    assert "1 complete, 1 failed, 2 skipped, 1 unchanged" in state.message
    before = runs()
    again = run(ingest_sources, settings, prefect_url, sources=[str(folder)])
    assert "2 skipped, 2 unchanged" in again.message
    assert runs() == before, "nothing to do, no child run"
    assert medley("search", "a red circle", "--json").report["hits"]


@pytest.mark.usefixtures("medley")
def test_a_retry_of_a_flow_run_does_only_what_is_missing(
    folder: Path, settings: Settings, prefect_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Prefect's pages do it: the same flow run is scheduled again, and a worker starts it a second time."""
    monkeypatch.setenv("MEDLEY_ALLOW_FAULTS", "1")
    monkeypatch.setenv("MEDLEY_FAULTS", '{"embed_text": "SetupError", "embed_frames": "SetupError"}')
    stop.clear_stop()
    flow = ingest_video.with_options(task_runner=local_runner(settings))
    parameters = {"paths": [str(folder / "clip.mp4")], "options": VideoOptions(profile=Profile.DEMO)}
    with temporary_settings({PREFECT_API_URL: prefect_url}), get_client(sync_client=True) as client:
        flow_run = client.create_flow_run(flow, parameters=parameters)
        state = run_flow(flow, flow_run=flow_run, parameters=parameters, return_type="state")
        assert state.is_failed()
        monkeypatch.delenv("MEDLEY_FAULTS")
        client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
        again = client.read_flow_run(flow_run.id)
        state = run_flow(flow, flow_run=again, parameters=parameters, return_type="state")
    assert state.is_completed(), state.message
    first, second = (
        {stage["name"]: stage["state"] for stage in json.loads(line)["stages"]}
        for run in reversed(status_runs(open_catalog(settings).engine, 5))
        for line in (settings.home / "runs" / run["run_id"] / "report.jsonl").read_text().splitlines()
    )
    done = {name for name, how in first.items() if how == "completed"}
    assert {"transcribe", "chunk", "sample_frames"} <= done
    assert {second[name] for name in done} == {"cached"}
    wanted = {name for name, how in second.items() if how != "skipped"}
    assert {name for name, how in second.items() if how == "completed"} == wanted - done


def test_a_run_that_something_has_ended_says_so_and_is_no_success(settings: Settings, folder: Path) -> None:
    with open_parent("ingest", DEMO, settings) as parent:
        parent.report.add(ItemReport(str(folder / "done.mp4"), "complete"))
        parent.run_jobs([("video", [str(folder / "text.mp4")])])
        parent.give_up(RuntimeError("the server has gone"))
    assert (parent.status, exit_code(parent.status)) == ("failed", 1)
    assert "before all files were looked at: the server has gone" in parent.lost
    states = {run["flow"]: run["status"] for run in status_runs(open_catalog(settings).engine, 5)}
    assert states["ingest"] == "failed"


def test_jobs_of_a_run_that_is_stopped_have_their_entries_all_the_same(settings: Settings, folder: Path) -> None:
    """Whoever has taken uploads has to put them back."""
    path = str(folder / "text.mp4")
    with open_parent("upload", DEMO, settings) as parent:
        request_stop()
        entries = parent.run_jobs([("video", [path])])
    assert {path: entry["status"] for path, entry in entries.items()} == {path: "cancelled"}


def test_a_machine_at_fault_touches_no_item(settings: Settings) -> None:
    with pytest.raises(SetupError, match="no server"), open_parent("ingest", DEMO, settings) as parent:
        parent.give_up(SetupError("no server"))


def test_a_unit_leaves_the_display_when_it_has_ended() -> None:
    view = Terminal()
    view.running["a.png and 99 more"] = ["load_images"]
    assert view._render().row_count == 2, "it, and how far the run is"
    del view.running["a.png and 99 more"]
    assert view._render().row_count == 0


def test_what_was_listed_before_the_stop_is_cancelled(settings: Settings) -> None:
    with open_parent("ingest", DEMO, settings) as parent:
        parent.batches = iter([("video", ["/a.mp4"]), (None, ["/b.txt"])])
        stop.request_stop()
        parent.work()
        assert parent.status == "cancelled"
    stop.clear_stop()
    assert {item["path"]: item["status"] for item in parent.report.items()} == {
        "/a.mp4": "cancelled",
        "/b.txt": "cancelled",
    }
