"""Where the catalog is kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import ArgumentError

from medley.errors import SetupError
from medley.settings import Settings

_BUSY_S = 60


def engine_of(settings: Settings) -> Engine:
    """Connections to MEDLEY_CATALOG_URL, or to SQLite in MEDLEY_HOME. Raises SetupError where the URL is none."""
    url = f"sqlite:///{settings.home / 'catalog.db'}"
    try:
        engine = create_engine(settings.catalog_url.get_secret_value() if settings.catalog_url else url)
    except (ArgumentError, ImportError) as error:  # the URL may hold a password: it is not repeated
        why = "its driver is not installed" if isinstance(error, ImportError) else "it is no database URL that we know"
        raise SetupError(f"MEDLEY_CATALOG_URL cannot be used: {why}", remedy="See docs/settings.md") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    return engine


def _configure_sqlite(connection: Any, _: Any) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={_BUSY_S * 1000}",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")
