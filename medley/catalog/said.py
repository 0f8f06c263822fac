"""Assets by what their files say of themselves: title, artist, camera, date, place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from sqlalchemy import Engine, and_, select

from medley.about import from_text
from medley.catalog.reading import rows
from medley.catalog.tables import assets

_EARTH_KM = 6371.0088  # mean radius, IUGG


def assets_saying(engine: Engine, wanted: Mapping[str, str]) -> list[str]:
    """Assets whose files say all of that: a name (camera, artist, ...) and a part of its value, in whatever case."""

    def says(told: dict[str, str]) -> bool:
        return all(text.casefold() in told.get(name, "").casefold() for name, text in wanted.items())

    return _told(engine, [*wanted, *wanted.values()], says)


def assets_dated(engine: Engine, since: str | None, until: str | None) -> list[str]:
    """Assets whose files say when they were made, between two times (ISO 8601); None leaves that end open.

    A file that says only the year counts with the beginning of the year.
    """

    def lies_between(told: dict[str, str]) -> bool:
        at = told.get("date", "")
        return at != "" and (since is None or at >= since) and (until is None or at < until)

    return _told(engine, ["date: "], lies_between)


def assets_near(engine: Engine, north: float, east: float, km: float) -> list[str]:
    """Assets whose files say that they were made within `km` of a place, in degrees north and east."""

    def is_near(told: dict[str, str]) -> bool:
        try:
            here = [math.radians(float(part)) for part in told.get("place", "").split(",")]
            return _distance_km(here[0], here[1], math.radians(north), math.radians(east)) <= km
        except (ValueError, IndexError):  # a place in words
            return False

    return _told(engine, ["place: "], is_near)


def _told(engine: Engine, holding: list[str], fits: Callable[[dict[str, str]], bool]) -> list[str]:
    """The database picks those that may fit."""
    may_fit = and_(*(assets.c.about.icontains(text, autoescape=True) for text in holding))
    found = rows(engine, select(assets.c.asset_id, assets.c.about).where(may_fit))
    return [row.asset_id for row in found if fits(from_text(row.about))]


def _distance_km(north: float, east: float, other_north: float, other_east: float) -> float:
    """By the haversine formula; angles in radians."""
    half = math.sin((other_north - north) / 2) ** 2
    half += math.cos(north) * math.cos(other_north) * math.sin((other_east - east) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(half)))
