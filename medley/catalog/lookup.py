"""What the catalog knows of many files at once: one query for hundreds of paths, not three for each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from sqlalchemy import Engine, Select, or_, select

from medley.attached import roots
from medley.catalog.reading import rows
from medley.catalog.tables import assets, locations
from medley.types import MediaInfo

_AT_ONCE = 250  #: paths: databases limit the parameters of a statement


@dataclass(frozen=True, slots=True)
class Location:
    """Where an asset was seen, and what the file system said of it."""

    path: str
    asset_id: str | None
    size_bytes: int | None
    mtime_ns: int | None
    inode: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last attempt at an asset ended. `plan` is the fingerprint of what was attempted."""

    plan: str
    status: str
    errors: list[dict[str, Any]]
    records: dict[str, int]
    attempts: int


def attached_to(path: str) -> Select[tuple[str]]:
    """Asks for the URLs of files that are attached to one at a path, or to one below it, parents first."""
    begins = (locations.c.path.startswith(root, autoescape=True) for root in roots(path))
    return select(locations.c.path).where(or_(*begins)).order_by(locations.c.path)


class Known(Protocol):
    """What is known of files."""

    def location(self, path: str) -> Location | None:
        """Returns what is known of a path; None where the path is unknown."""
        ...

    def media(self, asset_id: str) -> MediaInfo | None:
        """Returns what the probe found in an asset, if the probe ran before; else None."""
        ...


class Asked(Known, Protocol):
    """What a lookup asks of the catalog."""

    engine: Engine

    def outcome(self, asset_id: str, flow: str) -> Outcome | None:
        """Returns how the last attempt at an asset ended; None where there was no attempt."""
        ...

    def outcomes(self, asset_ids: Sequence[str], flow: str) -> dict[str, Outcome]:
        """Returns, for each asset, how the last attempt at the asset ended."""
        ...


def locations_of(engine: Engine, paths: Collection[str]) -> dict[str, Location]:
    """Reads what is known of paths; those that are unknown are left out."""
    columns = [locations.c[name] for name in Location.__slots__]
    return {row[0]: Location(*row) for row in rows(engine, select(*columns).where(locations.c.path.in_(paths)))}


def media_of(engine: Engine, asset_ids: Collection[str]) -> dict[str, MediaInfo]:
    """Reads what the probe found in assets; those that have not been probed by this version are left out."""
    query = select(assets.c.asset_id, assets.c.media).where(assets.c.asset_id.in_(asset_ids))
    return {row[0]: MediaInfo(**row[1]) for row in rows(engine, query) if _current(row[1])}


def _current(found: dict[str, Any] | None) -> bool:
    """Whether this version has noted it: else it is probed again."""
    return bool(found) and found.keys() == {field.name for field in fields(MediaInfo)}  # type: ignore[union-attr]


class Lookup:
    """What was known of some paths when the lookup was made; what is missing in it, the catalog is asked for.

    An answer may be older than the last run that another process has made: whoever claims an asset asks again.
    """

    def __init__(self, catalog: Asked, paths: Sequence[str], flow: str) -> None:
        self._catalog, self._flow = catalog, flow
        self._locations = locations_of(catalog.engine, paths)
        ids = {found.asset_id for found in self._locations.values() if found.asset_id}
        self._media = media_of(catalog.engine, ids) if ids else {}
        self._outcomes = catalog.outcomes(list(ids), flow) if ids else {}

    @property
    def complete(self) -> list[str]:
        """The assets at these paths that were complete when they were last worked on."""
        return [asset_id for asset_id, outcome in self._outcomes.items() if outcome.status == "complete"]

    def location(self, path: str) -> Location | None:
        """Returns what is known of a path; None where the path is unknown."""
        return self._locations.get(path)

    def media(self, asset_id: str) -> MediaInfo | None:
        """Returns what the probe found in an asset, if the probe ran before; else None."""
        return self._media.get(asset_id) or self._catalog.media(asset_id)

    def outcome(self, asset_id: str) -> Outcome | None:
        """Returns how the last attempt at an asset ended; None where there was no attempt."""
        return self._outcomes.get(asset_id) or self._catalog.outcome(asset_id, self._flow)


def looked_up(catalog: Asked, paths: Sequence[str], names: Sequence[str], flow: str) -> Iterator[tuple[str, Lookup]]:
    """Yields each path with what is known of it and of those after it; `names` are the paths' names in the catalog."""
    for at in range(0, len(paths), _AT_ONCE):
        known = Lookup(catalog, names[at : at + _AT_ONCE], flow)
        for path in paths[at : at + _AT_ONCE]:
            yield path, known
