"""Makes the database of a new Prefect server from its schema: Prefect's migrations, 110 of them, take six seconds.

`python -m flows.services.prefect_schema` writes prefect_schema.sql anew: when another Prefect is pinned.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path

import prefect

SCHEMA = Path(__file__).with_suffix(".sql")
_FIRST_LINE = "-- Prefect {version}"
_SQLITE = re.compile(r"sqlite\+aiosqlite:///(/.+)")


def make_database(url: str) -> None:
    """Makes the database at `url` where that is a file of SQLite that does not exist yet.

    Prefect migrates this file, as any other, at its start. Nothing is made unless the schema is of the installed
    version: an older Prefect could not read what a newer one has made.
    """
    found = _SQLITE.fullmatch(url)
    schema = SCHEMA.read_text()
    made_by_this_one = schema.startswith(_FIRST_LINE.format(version=prefect.__version__) + "\n")
    if not (found and made_by_this_one) or Path(found[1]).exists():
        return
    path = Path(found[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with closing(sqlite3.connect(draft)) as database:
        database.executescript(schema)
    with suppress(FileExistsError):  # another server was quicker
        os.link(draft, path)
    draft.unlink()


def migrated(directory: Path) -> str:
    """Returns as SQL what Prefect's own migrations make of an empty database, which is created in `directory`."""
    database = directory / "prefect.db"
    url = f"sqlite+aiosqlite:///{database}"
    environment = {**os.environ, "PREFECT_HOME": str(directory), "PREFECT_SERVER_DATABASE_CONNECTION_URL": url}
    command = [sys.executable, "-P", "-m", "prefect", "server", "database", "upgrade", "-y"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    with closing(sqlite3.connect(database)) as made:
        return "\n".join([_FIRST_LINE.format(version=prefect.__version__), *made.iterdump(), ""])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        SCHEMA.write_text(migrated(Path(scratch)))
