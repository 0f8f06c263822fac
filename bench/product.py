"""Medley as its users start it: whole commands, in a home of its own, with or without a standing installation."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.services.shared import free_port

ROOT = Path(__file__).parents[1]
#: What importing `flows` here has set is of another home.
_NOT_THEIRS = ("RAY_", "PREFECT_", "MEDLEY_")
_PORTS = ("UP__PREFECT_PORT", "UP__RAY_PORT", "UP__DASHBOARD_PORT", "UP__STORE_PORT", "SERVE__PORT")


@dataclass
class Installation:
    """A home, and the environment that leads there."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def _errors(self) -> Path:
        return self.home / "stderr.txt"

    @property
    def env(self) -> dict[str, str]:
        """The environment of its commands."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_THEIRS)}
        return {**kept, **self.settings, "MEDLEY_HOME": str(self.home)}

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Begins a command; its stdout is a pipe."""
        command = [str(Path(sys.executable).with_name("medley")), *map(str, arguments)]
        self.home.mkdir(exist_ok=True)
        with self._errors.open("w") as errors:
            return subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=subprocess.PIPE, stderr=errors, text=True)

    def run(self, *arguments: object) -> tuple[float, str]:
        """Seconds and stdout of a command; ends this process where the command fails."""
        began = time.time()
        with self.start(*arguments) as child:
            out, _ = child.communicate()
        if child.returncode:
            errors = self._errors.read_text()
            sys.exit(f"medley {' '.join(map(str, arguments[:3]))} ...: exit {child.returncode}\n{errors[-2000:]}")
        return time.time() - began, out

    def ingest(self, *arguments: object) -> tuple[float, dict[str, Any]]:
        """Seconds and report of a command that ingests with the demo models."""
        seconds, out = self.run(*arguments, "--profile", "demo", "--json")
        return seconds, json.loads(out)


@contextlib.contextmanager
def cold() -> Iterator[Installation]:
    """Nothing runs; each command starts what it needs, and ends it."""
    with tempfile.TemporaryDirectory(prefix="bench") as directory:
        yield Installation(Path(directory))


@contextlib.contextmanager
def standing() -> Iterator[Installation]:
    """The same under `medley up`."""
    with cold() as installation:
        installation.settings = {f"MEDLEY_{name}": str(free_port()) for name in _PORTS}
        installation.run("up", "--detach")
        try:
            yield installation
        finally:
            installation.run("down")


def stages_run(report: dict[str, Any]) -> int:
    """How many stages a command has run, of all items."""
    return sum(stage["state"] == "completed" for item in report["items"] for stage in item["stages"])
