"""Generations of the index: each has its own records, made with options of its own; searches see the current one.

The first one has no row until there is a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Engine, delete, insert, select, update

from medley.catalog.reading import rows
from medley.catalog.tables import generations
from medley.errors import SetupError
from medley.types import utc_now

State = Literal["current", "candidate", "previous"]
FIRST = "1"


@dataclass(frozen=True, slots=True)
class Generation:
    """One of them. `options`: by dotted name, what its runs have that are not told otherwise."""

    name: str = FIRST
    state: State = "current"
    options: Mapping[str, Any] | None = None
    changed: str = ""

    @property
    def suffix(self) -> str:
        """What tells its records from those of others; empty for the first one."""
        return "" if self.name == FIRST else self.name


def all_generations(engine: Engine) -> list[Generation]:
    """Lists them, the oldest first."""
    found = [Generation(*row) for row in rows(engine, select(generations))]
    return sorted(found, key=lambda one: int(one.name)) or [Generation()]


def current_generation(engine: Engine) -> Generation:
    """Returns the one that is searched."""
    return next(one for one in all_generations(engine) if one.state == "current")


def other_generation(engine: Engine) -> Generation | None:
    """Returns the one beside it, candidate or previous, if there is one."""
    return next((one for one in all_generations(engine) if one.state != "current"), None)


def generation_named(engine: Engine, name: str) -> Generation:
    """Finds one. Raises SetupError."""
    for one in all_generations(engine):
        if one.name == name:
            return one
    raise SetupError(f"there is no generation {name} of the index", remedy="See `medley migrate --status`")


def propose(engine: Engine, options: Mapping[str, Any]) -> Generation:
    """Notes a candidate with those options, in the place of another one.

    Raises SetupError where a previous generation is still there.
    """
    known = all_generations(engine)
    if any(one.state == "previous" for one in known):
        raise SetupError(
            "the generation before this one is still there",
            remedy="`medley migrate --drop` removes it; `medley migrate --back` goes back to it",
        )
    after = max(int(one.name) for one in known if one.state == "current")
    made = Generation(str(after + 1), "candidate", dict(options), utc_now())
    with engine.begin() as connection:
        connection.execute(delete(generations).where(generations.c.state != "current"))
        if not any(one.changed for one in known):
            connection.execute(insert(generations), _row(Generation(options={}, changed=utc_now())))
        connection.execute(insert(generations), _row(made))
    return made


def switch(engine: Engine, to: str) -> None:
    """Makes another one current, and the current one previous, in one transaction."""
    with engine.begin() as connection:
        was = update(generations).where(generations.c.state == "current")
        connection.execute(was.values(state="previous", changed=utc_now()))
        becomes = update(generations).where(generations.c.name == to)
        connection.execute(becomes.values(state="current", changed=utc_now()))


def drop(engine: Engine, name: str) -> None:
    """Forgets one that is not current. Its records have to be gone."""
    with engine.begin() as connection:
        connection.execute(delete(generations).where(generations.c.name == name, generations.c.state != "current"))


def _row(one: Generation) -> dict[str, Any]:
    return {"name": one.name, "state": one.state, "options": dict(one.options or {}), "changed": one.changed}
