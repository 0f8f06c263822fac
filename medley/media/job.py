"""A job for a child process: told in a file, answered line by line. A child that dies has lost only its last step."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medley.errors import TooLarge, no_space
from medley.media.child import run_child
from medley.media.job_child import NO_SPACE_EXIT
from medley.settings import Limits


@dataclass(frozen=True, slots=True)
class Told:
    """What a child said: its lines, how it ended, and why where it took too long."""

    lines: list[dict[str, Any]]
    exit: int
    too_long: str


def run_job(
    program: Path, job: dict[str, Any], limits: Limits, directory: Path, refusals: tuple[int, ...] = ()
) -> Told:
    """Runs `program` (see job_child.py) on `job`; it writes into `directory`.

    A negative exit is the signal that ended it. Raises NoSpace, Cancelled, and RuntimeError for a positive exit that is
    none of `refusals`: then it is our program that is wrong and not the file.
    """
    with tempfile.TemporaryDirectory() as scratch:
        told, done = Path(scratch, "job.json"), Path(scratch, "done.jsonl")
        told.touch(mode=0o600)  # there may be a password in it
        told.write_text(json.dumps({**job, "done": str(done)}))
        too_long, code, complaints = "", 0, ""
        try:
            child = run_child(
                [sys.executable, "-I", str(program), str(told)], cwd=Path(scratch), limits=limits, file=""
            )
            code, complaints = child.returncode, child.stderr
        except TooLarge as error:
            too_long = error.reason
        lines = [json.loads(line) for line in done.read_text().splitlines()] if done.exists() else []
    if code == NO_SPACE_EXIT:
        raise no_space(directory)
    if code > 0 and code not in refusals:
        raise RuntimeError(f"{program.name} ended with {code}: {complaints}")
    return Told(lines, code, too_long)
