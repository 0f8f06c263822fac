"""Databases in files: what was deleted leaves their pages as well."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

_BUSY_S = 60.0
_AGAIN_S = 0.5


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Opens the SQLite database at `path` for the block; what the block deletes is overwritten with zeros.

    Raises sqlite3.OperationalError where there is no database.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_S, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("PRAGMA foreign_keys=ON")
        yield connection
    finally:
        connection.close()


def compact(connection: sqlite3.Connection) -> bool:
    """Rewrites the file from its rows and empties its log; False where somebody kept reading for a minute."""
    connection.execute("VACUUM")  # what earlier writers deleted lies on free pages
    deadline = time.monotonic() + _BUSY_S
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > deadline:
            return False
        time.sleep(_AGAIN_S)
    return True
