"""Brings a catalog to this version's schema. Alembic (slow to import) is only loaded when there is something to do."""

from __future__ import annotations

import fcntl
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from medley.errors import SetupError

#: Newest file in migrations/versions; a test compares the two.
HEAD = "0010"
_LOCK = 0x6D65646C6579  # "medley", in PostgreSQL's space of advisory locks


def migrate(engine: Engine, lock: Path) -> None:
    """Upgrades the schema if it is older; one process at a time. Raises SetupError where it is newer."""
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # before the first connection: SQLite begins to write ahead at that
        with engine.connect() as connection:
            found = _version(connection)
        if found != HEAD:
            _upgrade(engine)


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # the file's lock holds on this machine only
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
        found = _version(connection)
        if found is not None and found not in known:
            raise SetupError(
                f"the catalog was written by a newer Medley (schema {found}, this one knows {HEAD})",
                remedy="Upgrade Medley, or set MEDLEY_HOME to another directory",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)
