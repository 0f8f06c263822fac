"""Queries that outlast a database that is started again: they read only, so they are asked anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Engine
from sqlalchemy.exc import DBAPIError

from medley.system.disk import wait_or_raise

T = TypeVar("T")


def rows(engine: Engine, query: Any) -> Sequence[Any]:
    """Returns all rows of a query."""
    return _read(engine, query, lambda result: result.all())


def scalars(engine: Engine, query: Any) -> list[Any]:
    """Returns the first column of all rows of a query."""
    return _read(engine, query, lambda result: list(result.scalars()))


def scalar(engine: Engine, query: Any) -> Any:
    """Returns the first column of the first row of a query; None where there is none."""
    return _read(engine, query, lambda result: result.scalar())


def _read(engine: Engine, query: Any, taken: Callable[[CursorResult[Any]], T]) -> T:
    began, lost = time.monotonic(), 0
    while True:
        try:
            with engine.connect() as connection:
                return taken(connection.execute(query))
        except DBAPIError as error:
            lost = wait_or_raise(error, began, lost)
