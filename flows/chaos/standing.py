"""Rounds in which a standing installation is struck: files land in its folder, and a program of it dies or stops."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from flows.chaos.faults import Fault, Struck
from flows.chaos.kept import manifests
from flows.services.shared import free_port
from flows.up.installation import PORTS
from medley.catalog import open_catalog
from medley.catalog.views import status_items
from medley.errors import SetupError
from medley.settings import Settings

_ENDS_S, _CALL_S, _TICK_S, _LOOK_S = 900.0, 300.0, 0.05, 1.0
_UNSETTLED = ("pending", "running")


class Standing:
    """An installation in a home of its own, in an environment that leads to it; `uploads` is its folder."""

    def __init__(self, env: Mapping[str, str], uploads: Path) -> None:
        ports = {f"MEDLEY_{group}__{name}".upper(): str(free_port()) for group, name in PORTS}  # nobody else's
        self._env = {**env, **ports, "MEDLEY_UPLOADS": str(uploads)}
        self.uploads = uploads

    def up(self) -> subprocess.Popen[str]:
        """Starts the installation, or what is left to start of it. Raises SetupError."""
        return self._call("up", "--detach")

    def down(self) -> None:
        """Ends the installation. Raises SetupError."""
        self._call("down")

    def _call(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-m", "medley", *arguments]
        process = subprocess.Popen(command, env=self._env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        told = process.communicate(timeout=_CALL_S)[1]
        if process.returncode:
            raise SetupError(f"medley {arguments[0]} ended with {process.returncode}: {told.strip()[-200:]}")
        return process

    def land(self, files: Sequence[str]) -> int:
        """Copies files and folders into the installation's folder; returns how many files these are."""
        for file in map(Path, files):
            if file.is_dir():
                shutil.copytree(file, self.uploads, dirs_exist_ok=True)
            else:
                shutil.copy(file, self.uploads)
        return sum(path.is_file() for path in self.uploads.rglob("*"))


def strike_standing(
    fault: Fault, standing: Standing, files: Sequence[str], home: Path, settings: Settings, at: int, rng: random.Random
) -> list[str]:
    """Lets files land, strikes in their middle, and waits until all are worked off; returns what must not be."""
    standing.uploads.mkdir()
    started = standing.up()
    try:
        count, until = standing.land(files), time.monotonic() + _ENDS_S
        while len(manifests(home)) < at and time.monotonic() < until:
            time.sleep(_TICK_S)
        fault.strike(Struck(started, home, rng))
        if fault.again:
            standing.up()  # as somebody does who notices, or systemd
        return [] if _settled(settings, standing.uploads, count) else ["uploads are not worked off"]
    finally:
        standing.down()


def _settled(settings: Settings, uploads: Path, count: int) -> bool:
    """Waits until every file that landed has ended somehow."""
    engine, until = open_catalog(settings).engine, time.monotonic() + _ENDS_S
    while time.monotonic() < until:
        time.sleep(_LOOK_S)
        known = [item for item in status_items(engine, failed_only=False) if item["path"].startswith(str(uploads))]
        if sum(item["status"] not in _UNSETTLED for item in known) >= count:
            return True
    return False
