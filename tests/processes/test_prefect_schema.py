"""The database that a new Prefect server begins with is the one that its own migrations make."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import prefect
import pytest

from flows.services import prefect_schema
from flows.services.prefect_schema import SCHEMA, make_database, migrated


def lines(schema: str) -> list[str]:
    """Sorted: constraints of a table come in any order."""
    return sorted(line.rstrip(", ") for line in schema.splitlines())


@pytest.mark.whole  # make test-platform; for a new Prefect
def test_the_schema_is_what_the_migrations_of_the_pinned_prefect_make(tmp_path: Path) -> None:
    assert lines(SCHEMA.read_text()) == lines(migrated(tmp_path)), "python -m flows.services.prefect_schema"


def test_a_database_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "prefect.db"
    path.write_bytes(b"theirs")
    make_database(f"sqlite+aiosqlite:///{path}")
    assert path.read_bytes() == b"theirs"


@pytest.mark.parametrize(
    ("url", "version"),
    [("sqlite+aiosqlite:///{}/prefect.db", "3.0.0"), ("postgresql+asyncpg://u@h/{}", prefect.__version__)],
)
def test_another_prefect_and_another_database_make_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, version: str
) -> None:
    monkeypatch.setattr(prefect_schema.prefect, "__version__", version)
    make_database(url.format(tmp_path))
    assert not list(tmp_path.iterdir())


def test_it_is_made_whole(tmp_path: Path) -> None:
    make_database(f"sqlite+aiosqlite:///{tmp_path}/a/prefect.db")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["prefect.db"]
    with closing(sqlite3.connect(tmp_path / "a" / "prefect.db")) as made:
        assert made.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
