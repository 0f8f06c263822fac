"""One round: a run is struck in its middle, another one goes on, and all has to be as if nothing had happened."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.chaos.faults import Fault, Struck, environment, free_disk, running, small_disk
from flows.chaos.kept import Kept, differences, kept, manifests
from flows.chaos.standing import Standing, strike_standing
from medley.errors import SetupError
from medley.settings import Settings, load_settings

_ENDS_S = 900.0  #: until what has not ended is called stuck
_LEAVES_S = 60.0  #: until what is left running is called left over
_TICK_S = 0.05
#: What leads to anything that the scratch home does not hold.
_SHARED = (
    "MEDLEY_STORE__",
    "MEDLEY_RAY__ADDRESS",
    "MEDLEY_CATALOG_URL",
    "MEDLEY_ARTIFACTS",
    "MEDLEY_UPLOADS",
    "RAY_ADDRESS",
)


@dataclass(slots=True)
class Round:
    """What became of a round. `broken`: what must not be; empty where all is well."""

    seed: int
    fault: str
    at: int  #: artifacts that were done when it was struck
    of: int
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Rounds:
    """Rounds over some files, in homes below a directory. `sabotage`: what a test does to a home after the fault."""

    def __init__(self, files: Sequence[str], directory: Path, sabotage: Callable[[Path], None] | None = None) -> None:
        self._files, self._directory, self._sabotage = list(files), directory, sabotage
        self._undisturbed, self._artifacts = Kept(), 0

    def prepare(self) -> None:
        """Makes the run that nothing disturbs. Raises SetupError where that does not end well."""
        home = self._directory / "undisturbed"
        code, report = self._ingest(home, "local")
        if report is None:
            raise SetupError(f"a run that nothing disturbs ended with {code}", remedy="See `medley doctor`")
        with home_settings(home) as settings:
            self._undisturbed = kept(report, settings)
        self._artifacts = len(manifests(home))
        shutil.rmtree(home)

    def play(self, seed: int, faults: Sequence[Fault]) -> Round:
        """Plays the round of a seed: the same seed over the same files is the same fault at the same moment."""
        began, rng = time.monotonic(), random.Random(seed)
        fault = rng.choice(list(faults))
        done = Round(seed, fault.name, rng.randrange(1, max(2, self._artifacts)), self._artifacts)
        home = self._directory / f"home-{seed}"
        with small_disk(home) if fault.disk else contextlib.nullcontext():
            self._strike(fault, home, done, rng)
            if self._sabotage:
                self._sabotage(home)
            self._look(home, done)
        if not done.broken:
            shutil.rmtree(home, ignore_errors=True)
        done.seconds = round(time.monotonic() - began, 1)
        return done

    def close(self) -> None:
        """Ends what a round that was broken off has left running."""
        for home in self._directory.glob("*"):
            for pid in running(home):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _strike(self, fault: Fault, home: Path, done: Round, rng: random.Random) -> None:
        if fault.runner == "standing":
            uploads = self._directory / f"uploads-{done.seed}"
            with home_settings(home) as settings:
                standing = Standing(self._environment(home), uploads)
                done.broken += strike_standing(fault, standing, self._files, home, settings, done.at, rng)
            shutil.rmtree(uploads)
            _expect_nothing_running(home, done)
            return
        env = environment(fault, self._directory, rng)
        process = self._start(home, fault.runner, env)
        until = time.monotonic() + _ENDS_S
        while len(manifests(home)) < done.at and process.poll() is None and time.monotonic() < until:
            time.sleep(_TICK_S)
        time.sleep(rng.random() / 2)
        fault.strike(Struck(process, home, rng))
        if _ended(process) is None:
            done.broken.append("the run is stuck")
            process.kill()
            process.communicate()
        _expect_nothing_running(home, done)
        free_disk(home)

    def _look(self, home: Path, done: Round) -> None:
        """Runs again, and compares."""
        before = manifests(home)
        code, report = self._ingest(home, "local")
        if report is None:
            done.broken.append(f"the next run ended with {code}")
            return
        after = manifests(home)
        again = [place for place, made in before.items() if after.get(place) != made]
        done.broken += [f"{len(again)} artifacts that were done are made again: {again[0]}"] if again else []
        with home_settings(home) as settings:
            done.broken += differences(self._undisturbed, kept(report, settings))
            done.broken += _verified(self._environment(home))
        _expect_nothing_running(home, done)

    def _ingest(self, home: Path, runner: str) -> tuple[int | None, dict[str, Any] | None]:
        """The exit status, and the report where there is one; a run that does not end has neither."""
        process = self._start(home, runner, {})
        out = _ended(process)
        if out is None:
            process.kill()
            process.communicate()
            return None, None
        return process.returncode, json.loads(out) if out.strip() and process.returncode in (0, 1) else None

    def _start(self, home: Path, runner: str, more: dict[str, str]) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-m", "medley", "ingest", *self._files, "--json", "--runner", runner]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        return subprocess.Popen(command, env={**self._environment(home), **more}, **pipes)

    @staticmethod
    def _environment(home: Path) -> dict[str, str]:
        kept_ones = {name: value for name, value in os.environ.items() if not name.startswith(_SHARED)}
        kept_ones.pop("PREFECT_API_URL", None)
        if kept_ones.pop("MEDLEY_MADE_RAY_TOKEN", None):  # of this process, not of the home's
            kept_ones.pop("RAY_AUTH_TOKEN", None)
        return {**kept_ones, "MEDLEY_HOME": str(home), "MEDLEY_PROGRESS": "plain"}


def _ended(process: subprocess.Popen[str]) -> str | None:
    """What a process has printed when it has ended; None where it does not end."""
    try:
        return process.communicate(timeout=_ENDS_S)[0]
    except subprocess.TimeoutExpired:
        return None


def _expect_nothing_running(home: Path, done: Round) -> None:
    until = time.monotonic() + _LEAVES_S
    while (left := running(home)) and time.monotonic() < until:
        time.sleep(_TICK_S)
    if left:
        done.broken.append(f"{len(left)} processes are left: {next(iter(left.values()))[:120]}")


def _verified(env: dict[str, str]) -> list[str]:
    """What `medley verify` finds."""
    command = [sys.executable, "-P", "-m", "medley", "verify", "--json"]
    answer = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if not answer.stdout.strip():
        return [f"verify ended with {answer.returncode}: {answer.stderr.strip()[-200:]}"]
    return [f"verify: {fault['what']}" for fault in json.loads(answer.stdout)["faults"]]


@contextlib.contextmanager
def home_settings(home: Path) -> Iterator[Settings]:
    """Yields the settings of another home, which this process has until the block ends."""
    before, inside = dict(os.environ), Rounds._environment(home)
    os.environ.clear()
    os.environ.update(inside)
    try:
        yield load_settings()
    finally:
        os.environ.clear()
        os.environ.update(before)
