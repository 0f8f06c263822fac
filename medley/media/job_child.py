"""The child's side of job.py; light, because every child imports it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medley.errors import NO_SPACE

#: Exit status where what the child makes cannot be written.
NO_SPACE_EXIT = 28

Tell = Callable[[dict[str, Any]], None]


def serve(work: Callable[[dict[str, Any], Tell], None]) -> None:
    """Calls `work` with the job and with a function that says one thing about it, at once."""
    job = json.loads(Path(sys.argv[1]).read_text())
    try:
        with Path(job["done"]).open("w", buffering=1) as done:
            work(job, lambda line: print(json.dumps(line), file=done))
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        sys.exit(NO_SPACE_EXIT)
