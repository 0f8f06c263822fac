"""What we assume of Prefect and Ray beyond what they promise: a new version that breaks it is named here first."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from actors import ray_private as pools_private
from flows.services import prefect_private, ray_private
from tests.conftest import ROOT

ASSUMED = [*prefect_private.assumptions(), *ray_private.assumptions(), *pools_private.assumptions()]
_PRIVATE = re.compile(r"ray\.(_private|_raylet|core)|prefect\.server\.(?!concurrency)|\b_final_state\b")


@pytest.mark.parametrize(("what", "holds"), ASSUMED, ids=[what for what, _ in ASSUMED])
def test_what_is_assumed_holds(what: str, holds: bool) -> None:
    assert holds, f"no longer true: {what}"


def test_what_is_private_is_used_in_one_place_each() -> None:
    ours = [path for name in ("flows", "tasks", "actors", "medley") for path in (ROOT / name).rglob("*.py")]
    allowed = {"prefect_private.py", "ray_private.py"}
    found = [
        f"{path.relative_to(ROOT)}:{n}: {line.strip()}"
        for path in ours
        if path.name not in allowed
        for n, line in enumerate(path.read_text().splitlines(), 1)
        if _PRIVATE.search(line)
    ]
    assert found == []


def test_our_variables_are_written_as_prefect_hands_them_on() -> None:
    """Else a deployed flow run has another environment than a command, and Ray's workers that wait are not taken."""
    script = """
import flows
from flows.services.environment import prepare_environment, worker_environment
from medley.settings import load_settings
prepare_environment(load_settings())
from prefect.settings import get_current_settings
handed_on = get_current_settings().to_environment_variables(exclude_unset=True)
print({name: value for name, value in worker_environment().items() if handed_on.get(name, value) != value})
"""
    known = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    done = subprocess.run([sys.executable, "-c", script], env=known, capture_output=True, text=True, check=True)
    assert done.stdout == "{}\n"
