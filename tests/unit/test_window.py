"""The engine without a server: items in flight, their outcomes, with futures that end as each test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from prefect.states import Completed, Crashed, Failed
from ray import exceptions as from_ray

from flows.engine import left_over
from flows.engine import window as window_module
from flows.engine.run import RunContext, open_run
from flows.engine.window import Window
from medley.artifacts import ArtifactStore
from medley.catalog import open_catalog
from medley.dag import registry
from medley.dag.parts import embed_texts, write_records
from medley.dag.pipeline import pipeline
from medley.dag.stage import stage
from medley.errors import CorruptMedia, MedleyError, SetupError, TransientError
from medley.models.base import Vectors
from medley.option_values import Profile
from medley.options import FileOptions
from medley.records import save_vectors, store_slot
from medley.run import TaskContext
from medley.settings import Settings
from medley.system import stop
from medley.types import ArtifactRef, AssetBatch, Row
from tests.conftest import eventually
from tests.documents import picture

DEATH = from_ray.WorkerCrashedError()
LOST = from_ray.NodeDiedError("node died")


@stage(branch="one", takes="assets", makes="texts")
def look(source: Any, draft: Any, context: Any) -> None:
    """Never called: what becomes of it is in the script."""


@stage(branch="two", takes="assets")
def measure(source: Any, draft: Any, context: Any) -> None:
    """A branch of its own."""


embed = embed_texts("embed", branch="one", takes="texts")
write = write_records("write", branch="one", modalities="word")


@pipeline(options=FileOptions, media=("image/*",), batch=4)
def scripted(assets: Any, options: Any) -> None:
    """Two branches."""
    write(embed(look(assets)))
    measure(assets)


@dataclass
class Future:
    """Ends at once, or when `held` is set."""

    state: Any
    held: threading.Event | None = None

    def wait(self) -> None:
        if self.held:
            self.held.wait(30)

    def add_done_callback(self, told: Callable[[Any], None]) -> None:
        if self.held is None:
            told(self)
        else:
            threading.Thread(target=lambda: (self.wait(), told(self)), daemon=True).start()


@dataclass
class Script:
    """What becomes of which stage of which file: a list of errors, one for each time, then success."""

    errors: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    submitted: list[list[str]] = field(default_factory=list)  #: names of the files of each drive
    held: threading.Event | None = None

    def submit(self, assets: AssetBatch, context: TaskContext, without: set[str]) -> dict[str, Any]:
        names = [part.name for part in assets.parts]
        self.submitted.append(names)
        return {
            name: Future(self._state(name, names, assets, context), self.held)
            for name in context.dag
            if name not in without
        }

    def _state(self, stage: str, names: list[str], assets: AssetBatch, context: TaskContext) -> Any:
        errors = [self.errors[name, stage].pop(0) for name in names if self.errors.get((name, stage))]
        crash = next((error for error in errors if not isinstance(error, MedleyError)), None)
        if crash:
            return Crashed(message="died", data=crash)
        if errors and len(names) == 1:
            errors[0].stage = stage
            return Failed(data=errors[0])
        return Completed(data=AssetBatch([_made(part, stage, context) for part in assets.parts]))


def _made(asset: Any, stage: str, context: TaskContext) -> ArtifactRef:
    """The artifact of a stage as the real one leaves it: manifests are what outcomes are read from."""
    artifacts, writes = ArtifactStore(context.artifacts), context.dag[stage].writes
    fingerprint = context.fingerprints[stage]
    slot = store_slot(context.store.key) if writes else fingerprint
    vectors: Vectors = __import__("numpy").zeros((1, 2), "float32")
    with artifacts.create(asset.asset_id, stage, slot, context.run_id) as draft:
        if writes:
            draft.data |= {"fingerprint": fingerprint, "vectors": "somewhere", "records": {"word": 1}}
        elif stage == "embed":
            save_vectors(draft.directory, [Row("word", "said")], vectors)
    return ArtifactRef(asset, stage, fingerprint, str(artifacts.directory(asset.asset_id, stage, slot)))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script()
    monkeypatch.setattr(window_module, "submit_stages", made.submit)
    monkeypatch.setattr(left_over, "with_store", lambda *_: None)  # nothing here is in a store
    monkeypatch.setattr(registry, "_loaded", {**registry._loaded, "scripted": scripted})
    return made


@contextmanager
def opened(settings: Settings, **flags: bool) -> Iterator[RunContext]:
    with open_run(scripted, FileOptions(profile=Profile.DEMO), settings, **flags) as run_context:
        run_context.run = replace(run_context.run, store=replace(run_context.run.store, uri="http://nowhere:1"))
        yield run_context


def files(folder: Path, count: int) -> list[str]:
    for n in range(count):
        picture((20 + n, 20)).save(folder / f"{n}.png")
    return [str(folder / f"{n}.png") for n in range(count)]


def drive(settings: Settings, paths: list[str], **flags: bool) -> dict[str, Any]:
    with opened(settings, **flags) as run_context:
        Window(run_context, len(paths)).run(run_context.identify(paths))
        entries = [{**entry, "name": Path(entry["path"]).name} for entry in run_context.report.items()]
    assert len(entries) == len(paths), "exactly one entry for each item"
    return {entry["name"]: entry for entry in entries}


def test_every_item_gets_its_entry_in_batches(script: Script, settings: Settings, tmp_path: Path) -> None:
    found = drive(settings, files(tmp_path, 10))
    assert [len(names) for names in script.submitted] == [4, 4, 2]
    assert {entry["status"] for entry in found.values()} == {"complete"}
    assert [stage["name"] for stage in found["0.png"]["stages"]] == ["look", "embed", "write", "measure"]
    assert {entry["status"] for entry in drive(settings, files(tmp_path, 10)).values()} == {"unchanged"}
    assert len(script.submitted) == 3, "nothing is submitted for what is unchanged"


def test_no_more_in_flight_than_the_window_has_room_for(script: Script, settings: Settings, tmp_path: Path) -> None:
    script.held = threading.Event()
    small = settings.model_copy(update={"window": 2})
    worker = threading.Thread(target=drive, args=(small, files(tmp_path, 12)))
    worker.start()
    eventually(lambda: len(script.submitted) == 2, 20)
    worker.join(0.3)  # as long as it would take to submit another one
    assert [len(names) for names in script.submitted] == [4, 4]
    script.held.set()
    worker.join(30)
    assert [len(names) for names in script.submitted] == [4, 4, 4]


def test_a_branch_that_fails_is_partial_and_done_again_by_the_next_run(
    script: Script, settings: Settings, tmp_path: Path
) -> None:
    [path] = files(tmp_path, 1)
    script.errors["0.png", "measure"] = [TransientError("the network")]
    entry = drive(settings, [path])["0.png"]
    assert (entry["status"], entry["error"]["stage"], entry["records"]) == ("partial", "measure", {"word": 1})
    assert drive(settings, [path])["0.png"]["status"] == "complete"


def test_the_files_own_fault_is_remembered_and_tried_again_when_asked(
    script: Script, settings: Settings, tmp_path: Path
) -> None:
    [path] = files(tmp_path, 1)
    for name in ("look", "measure"):
        script.errors["0.png", name] = [CorruptMedia("is torn")]
    script.errors["0.png", "embed"] = script.errors["0.png", "write"] = []
    assert drive(settings, [path])["0.png"]["error"]["type"] == "CorruptMedia"
    drives = len(script.submitted)
    remembered = drive(settings, [path])["0.png"]
    assert (remembered["error"]["type"], len(script.submitted)) == ("CorruptMedia", drives)
    assert drive(settings, [path], retry_failed=True)["0.png"]["status"] == "complete"


def test_who_kills_workers_is_found_by_halving_and_given_up(script: Script, settings: Settings, tmp_path: Path) -> None:
    script.errors["2.png", "look"] = [DEATH] * 99
    found = drive(settings, files(tmp_path, 4))
    assert {name: entry["status"] for name, entry in found.items()} | {"2.png": ""} == dict.fromkeys(
        ("0.png", "1.png", "3.png"), "complete"
    ) | {"2.png": ""}
    assert found["2.png"]["error"]["type"] == "Quarantined"
    alone = [names for names in script.submitted if names == ["2.png"]]
    assert len(alone) == 3, "three times alone"


def test_a_lost_node_is_nobodys_fault(script: Script, settings: Settings, tmp_path: Path) -> None:
    script.errors["1.png", "look"] = [LOST] * 5
    found = drive(settings, files(tmp_path, 4))
    assert {entry["status"] for entry in found.values()} == {"complete"}
    assert [len(names) for names in script.submitted] == [4] * 6, "driven again as they are"


def test_what_the_machine_lacks_fails_every_item_and_no_other_try(
    script: Script, settings: Settings, tmp_path: Path
) -> None:
    for name in ("look", "embed", "write", "measure"):
        script.errors["0.png", name] = [SetupError("no ffmpeg", remedy="Install it")]
    found = drive(settings, files(tmp_path, 1))
    assert (found["0.png"]["status"], len(found["0.png"]["errors"])) == ("failed", 1), "told once"
    assert len(script.submitted) == 1


def test_two_paths_of_one_content_are_worked_on_once(script: Script, settings: Settings, tmp_path: Path) -> None:
    [path] = files(tmp_path, 1)
    copy = tmp_path / "copy.png"
    copy.write_bytes(Path(path).read_bytes())
    found = drive(settings, [path, str(copy)])
    assert (found["copy.png"]["status"], found["copy.png"]["duplicate_of"]) == ("unchanged", path)
    assert script.submitted == [["0.png"]]


def test_what_another_run_holds_is_waited_for(script: Script, settings: Settings, tmp_path: Path) -> None:
    [path] = files(tmp_path, 1)
    catalog = open_catalog(settings)
    with opened(settings) as run_context:
        [item] = run_context.identify([path])
        assert item.asset
    catalog.begin_run("other", "scripted", "demo")
    assert catalog.claim([item.asset.asset_id], "other")
    threading.Timer(1.0, catalog.release, ([item.asset.asset_id], "other")).start()
    assert drive(settings, [path])["0.png"]["status"] == "complete"


def test_a_stop_leaves_no_item_without_an_entry(script: Script, settings: Settings, tmp_path: Path) -> None:
    script.held = threading.Event()
    small = settings.model_copy(update={"window": 1})

    def stop_when_submitted() -> None:
        eventually(lambda: script.submitted, 20)
        stop.request_stop()
        assert script.held
        script.held.set()

    threading.Thread(target=stop_when_submitted, daemon=True).start()
    found = drive(small, files(tmp_path, 9))
    assert [len(names) for names in script.submitted] == [4]
    assert {found[f"{n}.png"]["status"] for n in range(4, 9)} == {"cancelled"}
    assert found["8.png"]["error"] is None or found["8.png"]["error"]["type"] == "Cancelled"
