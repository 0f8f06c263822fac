"""The child's side of job.py; light, because every child imports it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from medley.errors import NO_SPACE

#: File that a child makes of one that is attached to a document.
ATTACHED = "attached"
#: Exit status where what the child makes cannot be written.
NO_SPACE_EXIT = 28

Tell = Callable[[dict[str, Any]], None]


def serve(work: Callable[[dict[str, Any], Tell], None]) -> None:
    """Calls `work` with the job and with a function that says one thing about it, at once.

    What libraries print goes to stderr: stdout is for answers.
    """
    job = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8", errors="replace")
    os.dup2(2, 1)
    try:
        with answers:
            work(job, lambda line: print(json.dumps(line), file=answers))
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        sys.exit(NO_SPACE_EXIT)


def reason_of(error: BaseException) -> str:
    """Shortens what a decoder's exception says to one line, for people; the traceback is for the log."""
    said = " ".join(str(error).split())
    return (said or type(error).__name__)[:200]
