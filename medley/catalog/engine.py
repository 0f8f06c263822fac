"""Where the catalog is kept."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from medley.errors import SetupError
from medley.settings import Settings

_BUSY_S = 60
_AWAY_S, _AGAIN_S = 75.0, 0.5
_REMEDY = "Use postgresql://user:password@host/database; see docs/settings.md"


def catalog_file(settings: Settings) -> Path | None:
    """Returns the catalog's file; None where the catalog is a database at MEDLEY_CATALOG_URL."""
    return None if settings.catalog_url else settings.home / "catalog.db"


def engine_of(settings: Settings) -> Engine:
    """Connections to MEDLEY_CATALOG_URL, or to SQLite in MEDLEY_HOME. Raises SetupError where the URL is none."""
    local = URL.create("sqlite", database=str(catalog_file(settings)))  # a path may hold a ? or a %
    try:
        url = _with_driver(make_url(settings.catalog_url.get_secret_value())) if settings.catalog_url else local
        engine = create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite")
    except (ArgumentError, ImportError) as error:  # the URL may hold a password: it is not repeated
        why = "its driver is not installed" if isinstance(error, ImportError) else "it is no database URL that we know"
        remedy = "Install it: pip install 'medley-media[postgres]'" if isinstance(error, ImportError) else _REMEDY
        raise SetupError(f"MEDLEY_CATALOG_URL cannot be used: {why}", remedy=remedy) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    else:
        event.listen(engine, "do_connect", _Patience().connect)
    return engine


def _with_driver(url: URL) -> URL:
    """People write postgresql:// as every other program takes it; SQLAlchemy takes that for another driver."""
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgresql", "postgres") else url


class _Patience:
    """A server that was there before is waited for: it may be started again."""

    def __init__(self) -> None:
        self._was_there = False

    def connect(self, dialect: Any, record: Any, args: Any, how: Any) -> Any:
        """Opens a connection when SQLAlchemy asks for one."""
        deadline = time.monotonic() + (_AWAY_S if self._was_there else 0.0)
        while True:
            try:
                made = dialect.connect(*args, **how)
            except dialect.loaded_dbapi.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_AGAIN_S)
            else:
                self._was_there = True
                return made


def _configure_sqlite(connection: Any, _: Any) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={_BUSY_S * 1000}",
        "foreign_keys=ON",
        "secure_delete=ON",  # what is forgotten leaves the file's pages as well
    ):
        connection.execute(f"PRAGMA {pragma}")
