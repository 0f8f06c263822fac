"""Pipelines, stages and stores of other people: everything that ours can, with nothing of ours changed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.services.environment import prepare_environment
from flows.services.shared import prefect_server
from medley.dag import registry
from medley.settings import Settings
from medley.sources.kinds import kind_for, require_kind
from tests.conftest import ROOT, SAMPLE, Answer, Medley, eventually
from tests.documents import picture
from tests.processes.test_ends import end
from tests.traces import manifests, of_medley
from tests.variants import ffmpeg

EXAMPLES = ROOT / "examples"


@dataclass(frozen=True)
class Example:
    """A pipeline of somebody else: how it is called, and what it makes of a file."""

    name: str
    reference: str
    file: str
    records: tuple[str, ...]
    last: str  #: stage that writes its own records
    query: str
    exported: str


TABLE = [
    Example("audio", "examples.audio:audio", "talk.mp3", ("speech",), "write_speech", "a blue train", "segments"),
    Example("colours", "examples.colours:colours", "red.png", ("image", "colour"), "write_colours", "red", "colours"),
    Example(
        "podcasts",
        "podcasts.pipeline:podcasts",
        "talk.mp3",
        ("speech", "chapter"),
        "write_chapters",
        "a blue train",
        "chapters",
    ),
]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A talk without a picture, and a red picture."""
    folder = tmp_path / "files"
    folder.mkdir()
    ffmpeg("-i", SAMPLE, "-map", "0:a", "-t", "20", folder / "talk.mp3")
    picture((300, 200), "red").save(folder / "red.png")
    return folder


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package of podcasts can be imported; what is loaded here stays unknown to other tests."""
    monkeypatch.syspath_prepend(EXAMPLES / "podcasts")
    monkeypatch.setattr(registry, "_loaded", dict(registry._loaded))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in ("podcasts", "examples")]:
        del sys.modules[name]


@pytest.mark.usefixtures("loaded")
def test_the_commands_of_the_readme_name_files_that_are_there_and_of_their_kind() -> None:
    references = {example.name: example.reference for example in TABLE}
    runs = re.findall(r"^medley run (\S+) (.+?) --profile", (EXAMPLES / "README.md").read_text(), re.M)
    assert len(runs) > 3
    for name, paths in runs:
        pipeline = registry.pipeline_at(references.get(name, name))
        for path in paths.split():
            require_kind(pipeline, kind_for(pipeline, ROOT / path, path), path)


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("example", TABLE, ids=lambda example: example.name)
def test_what_ours_can_theirs_can(example: Example, medley: Medley, files: Path, tmp_path: Path) -> None:
    path, own = files / example.file, example.records[-1]
    run, plan = ("run", example.reference, path), ("plan", path, "--pipeline", example.reference)
    [planned] = medley(*plan, "--json").report["items"]
    assert (planned["action"], planned["why"], planned["stages"][-1]) == ("run", ["new"], example.last)
    [item] = medley(*run, "--json", "--export", tmp_path / "out").report["items"]
    assert (item["status"], set(item["records"])) == ("complete", set(example.records)), item
    assert all(item["records"].values())
    [exported] = (tmp_path / "out").glob("*.json")
    assert json.loads(exported.read_text())[example.exported]
    [again] = medley(*run, "--json").report["items"]
    assert (again["status"], again["stages"], again["records"]) == ("unchanged", [], item["records"])
    assert medley(*plan, "--json").report["items"][0]["action"] == "unchanged"
    hits = medley("search", example.query, "--modality", own, "--json").report["hits"]
    assert {(hit["path"], hit["modality"]) for hit in hits} == {(str(path), own)}
    [forced] = medley(*run, "--force", "--json").report["items"]
    assert {stage["state"] for stage in forced["stages"]} == {"completed"}
    assert "forgot 1 asset" in medley("forget", path).out  # exit 1: the Prefect server is not of this home
    assert medley("search", example.query, "--json").report["hits"] == []
    assert medley(*plan, "--json").report["items"][0]["why"] == ["new"]


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("example", TABLE[1:], ids=lambda example: example.name)
def test_a_branch_that_fails_leaves_the_other(
    example: Example, medley: Medley, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDLEY_ALLOW_FAULTS", "1")
    monkeypatch.setenv("MEDLEY_FAULTS", json.dumps({example.last: "SetupError"}))
    run = ("run", example.reference, files / example.file, "--json")
    [item] = medley(*run).report["items"]
    assert (item["status"], item["error"]["stage"]) == ("partial", example.last)
    monkeypatch.delenv("MEDLEY_FAULTS")
    [mended] = medley("retry", "--failed", "--json").report["items"]
    states = {stage["name"]: stage["state"] for stage in mended["stages"]}
    assert (mended["status"], states.pop(example.last), set(states.values())) == ("complete", "completed", {"cached"})


@pytest.mark.usefixtures("loaded")
def test_options_are_flags_and_change_what_reads_them(medley: Medley, files: Path) -> None:
    run = ("run", "podcasts.pipeline:podcasts", files / "talk.mp3", "--json")
    [first] = medley(*run).report["items"]
    [other] = medley(*run, "--chapters.min_length_s", "3", "--chapters.pause_s", "0.3").report["items"]
    states = {stage["name"]: stage["state"] for stage in other["stages"]}
    assert {name for name, state in states.items() if state == "completed"} == {
        *("find_chapters", "embed_chapters", "write_chapters")
    }
    assert other["records"]["chapter"] > first["records"]["chapter"]
    wrong = medley(*run, "--chapters.pause_s", "-1")
    assert (wrong.code, "--chapters.pause_s -1" in wrong.err) == (2, True)


@pytest.mark.usefixtures("loaded")
def test_a_file_that_a_stage_makes_is_exported(medley: Medley, tmp_path: Path) -> None:
    run = medley("run", "examples.contact_sheet:overview", SAMPLE, "--export", tmp_path, "--json")
    [item] = run.report["items"]
    assert (item["status"], set(item["records"])) == ("complete", {"speech", "frame", "ocr"})
    assert (tmp_path / "sample.sheet.jpg").read_bytes()[:2] == b"\xff\xd8"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example packages, installed as any other, into a directory of their own."""
    target = tmp_path_factory.mktemp("installed")
    uv = str(Path(sys.executable).with_name("uv"))
    packages = [str(EXAMPLES / name) for name in ("podcasts", "lance_store")]
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(target)]
    done = subprocess.run(
        [*command, "--python", sys.executable, *packages], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def program(installed: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`medley` as somebody calls it who has installed those packages, in a folder with modules of the same names."""
    monkeypatch.setenv("PYTHONPATH", str(installed))
    (tmp_path / "tasks.py").write_text("raise RuntimeError('the user\\'s own module was imported')\n")
    return [str(Path(sys.executable).with_name("medley"))]


def call(program: list[str], cwd: Path, *arguments: object) -> Answer:
    done = subprocess.run(
        [*program, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=240, env=os.environ
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.mark.whole  # make test-platform has it
@pytest.mark.timeout(400)
def test_an_installed_pipeline_on_ray_goes_on_after_a_kill(
    program: list[str], files: Path, tmp_path: Path, home: Path, on_ray: str, store_uri: str, monkeypatch: Any
) -> None:
    monkeypatch.setenv("MEDLEY_STORE__URI", store_uri)
    monkeypatch.delenv("MEDLEY_RAY__ADDRESS")  # a cluster of its own: the session's does not have the package
    listed = call(program, tmp_path, "pipelines", "--json").report["pipelines"]
    assert "podcasts" in {found["name"] for found in listed}
    arguments = ["run", "podcasts", str(files / "talk.mp3"), "--json"]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([*program, *arguments], cwd=tmp_path, **pipes)
    eventually(lambda: manifests(home) or process.poll() is not None, 180)
    process.send_signal(signal.SIGKILL)
    end(process)
    eventually(lambda: not of_medley(home), 30)
    done = manifests(home)
    answer = call(program, tmp_path, *arguments)
    [item] = answer.report["items"]
    assert (item["status"], set(item["records"])) == ("complete", {"speech", "chapter"}), answer.err
    assert {place: made for place, made in manifests(home).items() if place in done} == done


@pytest.mark.whole  # make test-platform has it
def test_records_in_a_store_of_another_package(
    program: list[str], files: Path, tmp_path: Path, prefect_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    monkeypatch.setenv("MEDLEY_STORE__URI", f"lance://{tmp_path / 'records'}")
    made = call(program, tmp_path, "image", files / "red.png", "--runner", "local", "--json")
    assert made.report["items"][0]["records"] == {"image": 1}, made.err
    found = call(program, tmp_path, "search", "a red picture", "--json").report["hits"]
    assert [hit["path"] for hit in found] == [str(files / "red.png")]
    assert list((tmp_path / "records").glob("image_*.lance"))
    assert not (Path(os.environ["MEDLEY_HOME"]) / "logs" / "milvus.log").exists(), "no store of ours was started"


@pytest.mark.whole  # make test-platform has it
def test_an_installed_pipeline_is_deployed(
    program: list[str], tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_environment(settings)
    with prefect_server(settings) as url:  # a server of its own: deployments of the session's are counted elsewhere
        monkeypatch.setenv("PREFECT_API_URL", url)
        answer = call(program, tmp_path, "deploy")
        assert answer.code == 0, answer.err
        with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
            found = client.read_deployment_by_name("podcasts/podcasts")
            schema: Any = found.parameter_openapi_schema
            assert schema["definitions"]["ChapterOptions"]["properties"]["pause_s"]["description"]
            assert found.work_pool_name == "medley"
    load = f"from prefect.flows import load_flow_from_entrypoint as load; print(load({found.entrypoint!r}).name)"
    loaded = subprocess.run([sys.executable, "-P", "-c", load], capture_output=True, text=True, cwd=tmp_path)
    assert loaded.stdout == "podcasts\n", loaded.stderr


@pytest.mark.whole  # make test-platform has it
@pytest.mark.usefixtures("medley", "loaded")
def test_an_upload_goes_to_the_pipeline_that_routes_name(
    files: Path, settings: Settings, prefect_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.services.ray_runner import local_runner
    from flows.upload import ingest_uploads

    found = registry.pipeline_at("podcasts.pipeline:podcasts")
    monkeypatch.setenv("MEDLEY_ROUTES", json.dumps({"audio/*": found.name}))
    flow = ingest_uploads.with_options(task_runner=local_runner(settings))
    with temporary_settings({PREFECT_API_URL: prefect_url}):
        state = flow(paths=[str(files / "talk.mp3")], return_state=True)
    assert state.is_completed(), state.message
    [line] = Path(state.result()["report"]).read_text().splitlines()
    assert set(json.loads(line)["records"]) == {"speech", "chapter"}
    assert load_flow_from_entrypoint("flows.engine.prefect_flows:video").name == "video"
