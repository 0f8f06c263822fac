"""Child processes for everything that parses somebody else's bytes: limited, stoppable, never left behind."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from medley.errors import TooLarge
from medley.launch import guarded
from medley.settings import Limits
from medley.stop import raise_if_stopped

_POLL_S = 0.1
_TAIL_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class ChildResult:
    """How a child ended: exit status (negative: signal), its output, and the end of what it complained of."""

    returncode: int
    stdout: str
    stderr: str


def run_child(command: list[str], *, cwd: Path, limits: Limits, file: str) -> ChildResult:
    """Runs `command` (its program as an absolute path) under `limits`.

    Raises TooLarge when `limits.wall_s` is over, Cancelled when the run is stopped; the child is dead then.
    """
    limited = guarded(command, memory_bytes=limits.memory_mb << 20, cpu_s=int(limits.wall_s) + 1)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as complaints:
        child = subprocess.Popen(limited, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=complaints)
        try:
            _wait(child, time.monotonic() + limits.wall_s, limits, file)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        return ChildResult(child.returncode, _tail(out), _tail(complaints))


def _wait(child: subprocess.Popen[bytes], deadline: float, limits: Limits, file: str) -> None:
    while True:
        try:
            child.wait(timeout=_POLL_S)
            return
        except subprocess.TimeoutExpired:
            raise_if_stopped()
        if time.monotonic() > deadline:
            raise TooLarge(
                f"takes more than {limits.wall_s:g} s to decode",
                file=file,
                remedy="Raise MEDLEY_LIMITS__WALL_S if you trust the file",
            )


def _tail(stream: IO[bytes]) -> str:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _TAIL_BYTES))
    return stream.read().decode(errors="replace")
