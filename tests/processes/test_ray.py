"""The video command on Ray: overlap, states in Prefect, same results as in threads, actors killed, placement."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from flows.services import reaper as _reaper
from medley.errors import BadInput, ModelTimeout
from tests.conftest import RAY_MARK, ROOT, SAMPLE, Medley, command, eventually
from tests.documents import picture
from tests.traces import assert_same_results, of_medley, results


def overlaps(item: dict[str, Any]) -> bool:
    """Whether a speech stage and a frame stage ran at the same time."""
    spans: dict[str, list[tuple[float, float]]] = {"speech": [], "frames": []}
    for stage in item["stages"]:
        begin = np.datetime64(stage["started"].removesuffix("+00:00"), "ms").astype(float) / 1000
        branch = "frames" if "frames" in stage["name"] else "speech"
        spans[branch].append((begin, begin + stage["seconds"]))
    return any(a < d and c < b for a, b in spans["speech"] for c, d in spans["frames"])


@pytest.mark.whole  # make test-ends has it
def test_private_cluster_same_results_and_nothing_left(
    medley: Medley, home: Path, medley_process: Medley, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert medley("video", SAMPLE).code == 0
    other = home.parent / "other"
    monkeypatch.setenv("MEDLEY_HOME", str(other))
    monkeypatch.delenv("PREFECT_API_URL")
    answer = medley_process("video", SAMPLE, "--runner", "ray", "--json")
    assert answer.code == 0, answer.err
    item = answer.report["items"][0]
    assert item["status"] == "complete"
    assert overlaps(item)
    assert of_medley(other) == []
    assert_same_results(results(home), results(other))
    assert len(answer.err.strip().splitlines()) == 1, "one line for the item, and no library's"

    again = medley_process("video", SAMPLE, "--json")
    assert again.report["prefect_url"] is None
    assert again.report["items"][0]["stages"] == []
    assert not list((other / "run").glob("*.json"))


def test_profile_auto_asks_the_given_cluster(
    on_ray: str, medley_process: Medley, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session's cluster declares a GPU: auto is gpu there, whose weights are not on this machine."""
    monkeypatch.delenv("MEDLEY_PROFILE")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    answer = medley_process("video", SAMPLE)
    assert (answer.code, "large-v3-turbo" in answer.err) == (2, True), answer.err


def task_runs(prefect_url: str) -> list[tuple[str, str]]:
    """Names and state types of the newest flow run's task runs."""
    from prefect import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.client.schemas.sorting import FlowRunSort
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: prefect_url}), get_client(sync_client=True) as client:
        newest = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)[0]
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=[newest.id]))
        return [(run.name, run.state_type.value) for run in client.read_task_runs(flow_run_filter=wanted, limit=200)]


@pytest.mark.whole  # make test-ends has it
def test_whisper_actor_killed_in_mid_run(on_ray: str, home: Path, prefect_url: str) -> None:
    """Ray starts the actor again and asks it again: the run ends complete, and Prefect shows every task so."""
    started = subprocess.Popen(command("video", SAMPLE, "--force", "--json"), stdout=subprocess.PIPE, cwd=ROOT)
    pid = eventually(transcribing, 120)
    os.kill(pid, signal.SIGKILL)
    out, _ = started.communicate(timeout=200)
    item = json.loads(out)["items"][0]
    assert (started.returncode, item["status"]) == (0, "complete")
    runs = task_runs(prefect_url)
    assert {name for name, _ in runs} >= {f"{stage['name']} · sample.mp4" for stage in item["stages"]}
    assert {state for _, state in runs} == {"COMPLETED"}


def transcribing() -> int | None:
    """The pid of a replica of the speech model, on the session's cluster: other tests may run beside this one."""
    for process in psutil.process_iter():
        try:
            title = process.cmdline()[0]
            ours = "ray::SpeechModel." in title and process.parent().environ().get(_reaper.MARK) == RAY_MARK
            if ours:
                return int(process.pid)
        except (psutil.Error, IndexError):
            continue
    return None


def test_modules_in_a_worker_are_ours(on_ray: str) -> None:
    """Prefect has modules called flows and tasks itself."""
    program = """
import ray, os
ray.init(address=os.environ["MEDLEY_RAY__ADDRESS"], log_to_driver=False)
@ray.remote
def where():
    import prefect, prefect_ray, flows, tasks, actors, medley
    return [module.__file__ for module in (flows, tasks, actors, medley)]
print(ray.get(where.remote()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd="/", timeout=120)
    assert str([str(ROOT / name / "__init__.py") for name in ("flows", "tasks", "actors", "medley")]) in done.stdout


def test_import_of_the_flow_loads_no_torch() -> None:
    program = (
        "import sys, flows.video; print([m for m in ('torch', 'ctranslate2', 'pymilvus', 'av') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr


PLACEMENT = """
import os, time, ray
import actors.host
from actors.client import RayPool
from actors.spec import PoolSpec
from ray.cloudpickle import dumps
from medley.errors import ModelTimeout
from medley.models.base import ModelSpec, pick_device
ray.init(address=os.environ["MEDLEY_RAY__ADDRESS"], namespace="medley", log_to_driver=False)
class Host(actors.host.Host):
    def __init__(self, spec, threads): self.spec = spec
    def device(self):
        import ctranslate2, torch
        seen = (torch.cuda.device_count(), ctranslate2.get_cuda_device_count())
        return [pick_device(self.spec, cuda_devices=count) for count in seen]
def pool(name, timeout_s=60.0):
    spec = ModelSpec("speech", "whisper", name, "1", "float32", "auto")
    makes = dumps((Host, (spec, 1)))
    return RayPool(PoolSpec(f"{name}-{timeout_s}", name, makes=makes, gpus=0.5, timeout_s=timeout_s), "run")
one, two = pool("one"), pool("two")
print("devices", one.call("device"), two.call("device"))
third = pool("three", timeout_s=3.0)
try:
    print("third", third.call("device"))
except Exception as error:
    print("third waits:", type(error).__name__)
one.end()
for _ in range(20):  # a process takes longer to start than this pool is patient
    try:
        print("third placed", third.call("device"))
        break
    except ModelTimeout:
        pass
for left in (two, third): left.end()
"""


@pytest.mark.whole  # make test-ends has it
def test_two_actors_share_a_gpu_and_a_third_waits(on_ray: str, tmp_path: Path) -> None:
    """The cluster declares one GPU that is not there: Ray places by what is declared, models go where they can."""
    script = tmp_path / "placement.py"
    script.write_text(PLACEMENT)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=200)
    lines = done.stdout.splitlines()
    assert lines == [
        "devices ['cpu', 'cpu'] ['cpu', 'cpu']",
        "third waits: ModelTimeout",
        "third placed ['cpu', 'cpu']",
    ], done.stderr


WAITING = """
import os, threading, time, ray
import actors.host
from actors.client import RayPool
from actors.spec import PoolSpec
from ray.cloudpickle import dumps
from medley.models.base import ModelSpec
ray.init(address=os.environ["MEDLEY_RAY__ADDRESS"], namespace="medley", log_to_driver=False)
class Host(actors.host.Host):
    def __init__(self, spec, threads): pass
    def work(self, *batches):
        for seconds in batches:
            with self.timed("a batch"): time.sleep(seconds)
        return sum(batches)
pool = RayPool(PoolSpec("waiting", "waiting", makes=dumps((Host, (None, 1))), timeout_s=4.0), "run")
pool.call("work", 0)
answers = {}
def ask(name, *batches):
    try:
        answers[name] = pool.call("work", *batches)
    except Exception as error:
        answers[name] = type(error).__name__
def together(**calls):
    threads = [threading.Thread(target=ask, args=(name, *batches)) for name, batches in calls.items()]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
together(a=(2,), b=(2,), c=(2,), d=(2,))
print("queued", answers["a"], answers["b"], answers["c"], answers["d"])
ask("long", 2, 2, 2)
print("in batches", answers["long"])
ask("stuck", 600)
print("stuck", answers["stuck"])
ask("after", 1)
print("after", answers["after"])
pool.end()
"""


@pytest.mark.whole  # make test-ends has it
def test_the_clock_runs_while_the_model_works(on_ray: str, tmp_path: Path) -> None:
    """Neither waiting behind others nor many batches is too long; one batch that does not end is nobody's bad file."""
    script = tmp_path / "waiting.py"
    script.write_text(WAITING)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=200)
    assert done.stdout.splitlines() == ["queued 2 2 2 2", "in batches 6", "stuck ModelTimeout", "after 1"], done.stderr
    assert not issubclass(ModelTimeout, BadInput)


@pytest.mark.whole  # make test-ends has it
def test_a_working_directory_with_packages_of_the_same_names(
    on_ray: str, prefect_url: str, store_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect, Celery and Invoke projects have a `tasks`, `flows` or `actors`: ours are found all the same."""
    monkeypatch.setenv("MEDLEY_STORE__URI", store_uri)
    for name in ("tasks", "flows", "actors"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the user\\'s own package was imported')\n")
    (tmp_path / "tasks.py").write_text("raise RuntimeError('the user\\'s own module was imported')\n")
    program = str(Path(sys.executable).with_name("medley"))
    picture().save(tmp_path / "own.png")
    done = subprocess.run([program, "image", "own.png", "--json"], capture_output=True, text=True, cwd=tmp_path)
    item = json.loads(done.stdout)["items"][0]
    assert (done.returncode, item["status"], item["errors"]) == (0, "complete", [])
