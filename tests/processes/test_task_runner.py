"""Medley's task runner against prefect-ray's own: equal states, results and rows in Prefect; and what ours adds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

FLOW = """
import json, os, re, sys
from prefect import flow, get_client, task
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.states import Completed
from flows.services.environment import prepare_environment
from flows.services.ray_runner import task_runner_of
from flows.services.ray_start import stop_ray
from medley.settings import load_settings
from prefect.runtime import task_run

settings = load_settings()
prepare_environment(settings)

def made(function, **facts):
    found = task(**facts)(function)
    found.ray_options = {"num_cpus": 0.1 if function.__name__ in WAITING else 1}
    return found

WAITING = {"doubled", "second_time", "named", "waiter"}

def one(x): return x + 1
def doubled(x): return 2 * x
def second_time():
    if task_run.run_count < 2:
        raise OSError("the first time")
    return task_run.run_count
def wrong(): raise ValueError("wrong")
def named(x): return Completed(name="Cached", message="done before", data=x)
def both(x, others): return [x, *others]
async def later(x): return x * 10
def who(x): return [os.getpid(), task_run.name]
def waiter(x): return who(x)
TASKS = {f.__name__: made(f) for f in (one, doubled, wrong, named, both, later)}
TASKS["second_time"] = made(second_time, retries=2, retry_delay_seconds=0)
for function in (who, waiter):
    TASKS[function.__name__] = made(function, task_run_name="who is {x}")

@flow(task_runner=task_runner_of(settings))
def everything():
    t = TASKS
    first = t["one"].submit(1)
    second = t["doubled"].submit(first)
    bad = t["wrong"].submit()
    futures = {
        "one": first, "doubled": second, "second_time": t["second_time"].submit(), "wrong": bad,
        "after_wrong": t["one"].submit(bad), "named": t["named"].submit(second),
        "both": t["both"].submit(first, [second, 7]), "later": t["later"].submit(second),
        "behind": t["one"].submit(5, wait_for=[second]),
    }
    whos = [t[("who", "waiter")[n % 2]].submit(n) for n in range(4)]
    told = {}
    for name, future in futures.items():
        future.wait()
        state = future.state
        result = state.result(raise_on_failure=False) if state.is_final() else None
        message = re.sub("[0-9a-f-]{36}", "ID", state.message or "")
        told[name] = [state.type.value, state.name, message, repr(result)]
    found = [who.result() for who in whos]
    return Completed(data=[told, sorted(name for _, name in found), len({pid for pid, _ in found})])

state = everything(return_state=True)
told, names, processes = state.result()
from prefect.events.worker import EventsWorker
EventsWorker.drain_all(timeout=20)
with get_client(sync_client=True) as client:
    import time
    for _ in range(300):
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
        runs = client.read_task_runs(flow_run_filter=wanted, limit=200)
        if len(runs) == 13 and all(run.state_type.value not in ("RUNNING",) for run in runs):
            break
        time.sleep(0.1)
    ids = {run.id: run.name.rsplit("-", 1)[0] for run in runs}
    rows = sorted(
        [ids[run.id], run.state_type.value, run.state_name, run.run_count,
         sorted(sorted(ids.get(x.id, "?") for x in inputs if hasattr(x, "id")) for inputs in run.task_inputs.values())]
        for run in runs
    )
stop_ray()
print(json.dumps({"told": told, "names": names, "processes": processes, "rows": rows}))
"""


def ran(script: Path, **env: str) -> Any:
    known = {**__import__("os").environ, **env, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=known, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.whole  # make test-platform has it
@pytest.mark.usefixtures("on_ray")
def test_states_results_and_rows_are_those_of_the_stock_runner(tmp_path: Path) -> None:
    script = tmp_path / "everything.py"
    script.write_text(FLOW)
    stock, ours = ran(script, MEDLEY_RAY__TASK_RUNNER="stock"), ran(script)
    assert ours["told"] == stock["told"]
    assert ours["rows"] == stock["rows"]
    assert ours["names"] == [f"who is {n}" for n in range(4)] == stock["names"]
    assert ours["told"]["second_time"][3] == "2"
    assert ours["told"]["after_wrong"][:2] == ["PENDING", "NotReady"]
    assert ours["processes"] == 1, "on one machine task runs share a process, those that compute and those that wait"


TWICE = """
import json, os
from prefect import flow, task
from flows.services.environment import prepare_environment
from flows.services.ray_runner import task_runner_of
from flows.services.ray_start import stop_ray
from medley.settings import load_settings

prepare_environment(load_settings())
kept = []

@task
def who():
    return os.getpid()
who.ray_options = {"num_cpus": 0.1}

@flow(task_runner=task_runner_of(load_settings()))
def one():
    kept.append(who.submit())
    return kept[-1].result()

print(json.dumps([one(), one()]))
stop_ray()
"""


@pytest.mark.whole  # make test-platform has it
@pytest.mark.usefixtures("on_ray")
def test_the_next_flow_run_of_a_process_shares_the_same_process(tmp_path: Path) -> None:
    """As child runs of `ingest` do: the end of a flow run stops nothing where nothing is left to stop."""
    script = tmp_path / "twice.py"
    script.write_text(TWICE)
    first, second = ran(script)
    assert first == second


DEATH = """
import json, os, sys
from prefect import flow, task
from flows.services.environment import prepare_environment
from flows.services.ray_runner import task_runner_of
from flows.services.ray_start import stop_ray
from medley.settings import load_settings

prepare_environment(load_settings())

@task
def deadly(deadly):
    if deadly:
        os._exit(3)
    return os.getpid()
deadly.ray_options = {"num_cpus": 0.1}

@flow(task_runner=task_runner_of(load_settings()))
def dying():
    together = deadly.submit(False).result()
    dead = deadly.submit(True)
    dead.wait()
    alone = [deadly.submit(False).result(), deadly.submit(True)]
    alone[1].wait()
    kinds = [type(future.state.result(raise_on_failure=False)).__name__ for future in (dead, alone[1])]
    print(json.dumps([dead.state.type.value, *kinds, together != alone[0]]))
    return 1

dying()
stop_ray()
"""


@pytest.mark.whole  # make test-platform has it
@pytest.mark.usefixtures("on_ray")
def test_where_the_shared_process_dies_each_run_gets_its_own(tmp_path: Path) -> None:
    """Then Ray tells whose process died, and only that file is to blame."""
    script = tmp_path / "dying.py"
    script.write_text(DEATH)
    assert ran(script) == ["CRASHED", "ActorDiedError", "WorkerCrashedError", True]
