"""Pools on a real Ray cluster: no call is lost or answered twice, whatever the model does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

HEAD = """
import os, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from flows.services.ray_private import quiet_workers  # before Ray: it asks for a token otherwise
import ray
from actors.client import RayPool, master
from tests.processes.pool_models import Leaky, Mortal, Narrow, Pretend, pretended
quiet_workers()
ray.init(address="local", num_cpus=2, include_dashboard=False, object_store_memory=80 << 20, namespace="medley",
         log_to_driver=False, logging_level="ERROR")

def ask(pool, items):
    try:
        return pool.call("double", items)
    except Exception as error:
        return f"{type(error).__name__}: {error}"

def all_at_once(pool, calls, threads=16):
    with ThreadPoolExecutor(threads) as asking:
        return list(asking.map(lambda items: ask(pool, items), calls))

def state(key):
    return next(s for s in ray.get(master().state.remote()) if s["model"] == f"model {key}")

def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "never"
        time.sleep(0.05)
"""


def ran(tmp_path: Path, script: str) -> list[str]:
    """What a script prints that has a cluster of its own."""
    file = tmp_path / "script.py"
    file.write_text(HEAD + script)
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    command = [sys.executable, "-u", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


MISBEHAVING = """
calls = [[5 * n + k for k in range(5)] for n in range(40)]
narrow = RayPool(pretended(Narrow, "narrow"), "run")
answers = all_at_once(narrow, calls)
print("narrow", answers == [[2 * i for i in items] for items in calls], state("narrow")["limit"] <= 3)

mortal = RayPool(pretended(Mortal, "mortal", timeout_s=8.0), "run")
answers = all_at_once(mortal, [[n] for n in range(12, 20)])
print("mortal", [answer for answer in answers if isinstance(answer, list)])
for answer in answers:
    if isinstance(answer, str):
        print(answer)

leaky = RayPool(pretended(Leaky, "leaky", grown_mb=60), "run")
pids = set()
for n in range(40):
    assert leaky.call("double", [n]) == [2 * n]
    pids.add(leaky.call("pid"))
until(lambda: len(state("leaky")["replicas"]) == 1)
print("leaky", len(pids) > 1, state("leaky")["restarts"])
"""


@pytest.mark.whole  # make test-platform has it
def test_a_model_that_leaks_dies_hangs_or_runs_out_of_memory_harms_nobody_else(tmp_path: Path) -> None:
    told = ran(tmp_path, MISBEHAVING)
    assert told[0] == "narrow True True"
    assert told[1] == "mortal [[24], [28], [30], [32], [36], [38]]"
    assert told[2].startswith("Quarantined: the process of the model mortal died twice over this call alone: 13")
    assert told[3].startswith("ModelTimeout: the model mortal has not answered for 8 s")
    assert told[4:] == ["leaky True 0"], "a successor takes over before the worn one goes: nothing has died"


SHARED = """
killer = RayPool(pretended(Mortal, "mortal", shares="both"), "run")
other = RayPool(pretended(Pretend, "other", shares="both"), "run")
print(killer.call("pid") == other.call("pid"))
slow = ThreadPoolExecutor(1).submit(other.call, "sleep", 5)
until(lambda: (state("other")["waiting"], state("other")["calls"]) == (0, 1))
print(ask(killer, [13])[:50])
print(slow.result(), state("other")["quarantined"], ask(other, [1]), killer.call("pid") == other.call("pid"))
other.end()
print(ask(other, [2]))
"""


@pytest.mark.whole  # make test-platform has it
def test_a_model_that_dies_takes_no_other_models_call_with_it(tmp_path: Path) -> None:
    assert ran(tmp_path, SHARED) == [
        "True",
        "Quarantined: the process of the model mortal died ",
        "None 0 [2] False",
        "[4]",
    ]


DEAD_MASTER = """
spec = pretended(Pretend, "model", 0.02, 4)
pool = RayPool(spec, "run")
before = pool.call("pid")
asking = threading.Thread(target=lambda: answers.extend(all_at_once(pool, [[n, n] for n in range(200)])))
answers = []
asking.start()
until(lambda: state("model")["batches"] > 5)
ray.kill(master(), no_restart=False)
asking.join()
print(answers == [[2 * n, 2 * n] for n in range(200)], pool.call("pid") == before)
"""


@pytest.mark.whole  # make test-platform has it
def test_a_dead_master_is_made_again_and_finds_its_replicas(tmp_path: Path) -> None:
    assert ran(tmp_path, DEAD_MASTER) == ["True True"], "every call is answered, and no model was loaded twice"


MANY = """
import psutil
spec = pretended(Pretend, "model", 0.0, 64, bound=256)
runs = [RayPool(spec, f"run {n}") for n in range(3)]
runs[0].call("pid")
process = next(p for p in psutil.Process().children(recursive=True) if "PoolMaster" in " ".join(p.cmdline()))
memory = []
for turn in range(3):
    answers = all_at_once(runs[turn % 3], [[n] for n in range(1000)])
    assert answers == [[2 * n] for n in range(1000)]
    memory.append(process.memory_info().rss / 1e6)
print(state("model")["waiting"], memory[-1] - memory[0] < 20)
"""


@pytest.mark.whole  # make test-platform has it
def test_three_thousand_calls_leave_nothing_behind(tmp_path: Path) -> None:
    assert ran(tmp_path, MANY) == ["0 True"]
