"""A job for a child process: told on stdin, answered line by line. A child that dies has lost only its last step."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medley.errors import no_space
from medley.media.child import observe_child
from medley.media.job_child import NO_SPACE_EXIT
from medley.media.source import Source
from medley.setting_groups import Limits

logger = logging.getLogger("medley.media")


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a child said: its lines, how it ended, why where it took too long, and the end of what it complained of."""

    lines: list[dict[str, Any]]
    exit: int
    too_long: str
    complaints: str = ""


def run_job(
    program: Path, job: dict[str, Any], limits: Limits, directory: Path | None, sources: Sequence[Source]
) -> JobResult:
    """Runs `program` (see job_child.py) on `job`.

    The program reads `sources` and writes into `directory`, if there is one. A negative exit is the signal that
    ended the program; of a positive one the log says why. Raises NoSpace, Cancelled.
    """
    child = observe_child(
        program, cwd=directory, limits=limits, file="", sources=sources, stdin=json.dumps(job).encode()
    )
    if child.returncode == NO_SPACE_EXIT:
        raise no_space(directory or "the folder of temporary files")
    if child.returncode and child.stderr:
        logger.warning("%s ended with %s: %s", program.name, child.returncode, child.stderr)
    too_long = child.over.reason if child.over else ""
    return JobResult(list(_lines(child.stdout)), child.returncode, too_long, child.stderr)


def _lines(said: str) -> Iterator[dict[str, Any]]:
    """What was said in whole lines: a child that is killed may leave half a one."""
    for line in said.splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)
