"""Which files, assets and plans the catalog knows, and how it forgets them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Engine, delete, func, null, or_, select

from medley.about import from_text
from medley.attached import SCHEME, roots
from medley.catalog.reading import rows, scalar, scalars
from medley.catalog.tables import assets, locations, outcomes, plans, stages, tags, uploads, voices
from medley.catalog.upsert import INSERT_PLAN, INSERT_TAG
from medley.system.disk import retry_while_disk_full
from medley.types import DOCUMENTS

_AT_ONCE = 500
_DOCUMENTS = {"pdf": ("application/pdf",), "document": DOCUMENTS}


def paths_below(engine: Engine, root: str) -> list[str]:
    """Returns the known paths or URLs within a folder."""
    inside = locations.c.path.startswith(f"{root.rstrip('/')}/", autoescape=True)
    return scalars(engine, select(locations.c.path).where(inside))


def attached_paths(engine: Engine) -> list[str]:
    """Lists the URLs of all files that are attached to others, those of a file after that one."""
    attached = locations.c.path.startswith(f"{SCHEME}://", autoescape=True)
    return scalars(engine, select(locations.c.path).where(attached).order_by(locations.c.path))


def assets_at(engine: Engine, path: str) -> list[str]:
    """Assets seen at a path, or below it where it is a folder or a bucket's prefix."""
    return sorted({asset_id for _, asset_id in paths_at(engine, path) if asset_id})


def known_among(engine: Engine, paths: Collection[str]) -> set[str]:
    """Returns those of the paths that are known."""
    wanted, found = sorted(paths), set[str]()
    for at in range(0, len(wanted), _AT_ONCE):
        some = wanted[at : at + _AT_ONCE]
        found |= set(scalars(engine, select(locations.c.path).where(locations.c.path.in_(some))))
    return found


def paths_at(engine: Engine, path: str) -> list[tuple[str, str | None]]:
    """Lists paths known at a path or below, as files or as uploads, each with its asset where the path became one."""
    found: dict[str, str | None] = {}
    for table in (uploads, locations):
        begins = (f"{path.rstrip('/')}/", *roots(path))
        inside = or_(*(table.c.path.startswith(root, autoescape=True) for root in begins))
        asset = table.c.asset_id if table is locations else null()
        query = select(table.c.path, asset).where((table.c.path == path) | inside)
        found.update((row[0], row[1]) for row in rows(engine, query))
    return list(found.items())


def uploads_among(engine: Engine, paths: Collection[str]) -> set[str]:
    """Returns the members of `paths` that are noted as uploads."""
    return {path for path in scalars(engine, select(uploads.c.path)) if path in paths}


def assets_seen(engine: Engine, since: str | None, until: str | None) -> list[str]:
    """Assets first seen between two times, ISO 8601 in UTC; None leaves that end open."""
    query = select(assets.c.asset_id)
    query = query.where(assets.c.created >= since) if since else query
    query = query.where(assets.c.created < until) if until else query
    return scalars(engine, query)


def assets_of_kind(engine: Engine, kind: str) -> list[str]:
    """Assets of a kind: pdf, document (other ones), or the first part of the media type (video, audio, image)."""
    media_type = assets.c.media["media_type"].as_string()
    wanted = media_type.startswith(f"{kind}/")
    if kind in _DOCUMENTS:
        wanted = media_type.in_(_DOCUMENTS[kind])
    return scalars(engine, select(assets.c.asset_id).where(wanted))


def assets_named(engine: Engine, words: Collection[str], limit: int) -> list[str]:
    """Assets whose newest names and tags (title, artist, ...) may have all of those words, at most `limit`."""
    query = select(locations.c.asset_id).join(assets, locations.c.asset_id == assets.c.asset_id)
    for word in words:
        named = (column.icontains(word, autoescape=True) for column in (locations.c.path, assets.c.about))
        query = query.where(or_(*named))
    return scalars(engine, query.distinct().limit(limit))


def told_of(engine: Engine, asset_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Returns what files say of themselves, by asset: title, artist and the like."""
    query = select(assets.c.asset_id, assets.c.about).where(assets.c.asset_id.in_(asset_ids))
    return {row[0]: from_text(row[1]) for row in rows(engine, query)}


def labels_used(engine: Engine) -> list[str]:
    """Lists the labels that runs have looked for, in the order of the alphabet."""
    made = (found for found in scalars(engine, select(plans.c.made_of)) if found)
    return sorted({label for found in made for label in found.get("options", {}).get("labels") or ()})


def assets_tagged(engine: Engine, wanted: Collection[str]) -> list[str]:
    """Assets that have all of those tags."""
    query = select(tags.c.asset_id).where(tags.c.tag.in_(wanted)).group_by(tags.c.asset_id)
    return scalars(engine, query.having(func.count() == len(set(wanted))))


@retry_while_disk_full
def tag_assets(engine: Engine, asset_ids: Iterable[str], wanted: Iterable[str]) -> None:
    """Adds tags to assets; those that they have stay."""
    added = [{"asset_id": asset_id, "tag": tag} for asset_id in asset_ids for tag in wanted]
    if not added:
        return
    with engine.begin() as connection:
        connection.execute(INSERT_TAG, added)


def knows(engine: Engine, asset_id: str) -> bool:
    """Says whether the catalog has an asset with the id `asset_id`."""
    return scalar(engine, select(assets.c.asset_id).where(assets.c.asset_id == asset_id)) is not None


@retry_while_disk_full
def forget_assets(engine: Engine, asset_ids: Iterable[str]) -> int:
    """Forgets assets as if they had never been seen; returns how many rows were deleted."""
    count = 0
    with engine.begin() as connection:
        for asset_id in asset_ids:
            for table in (locations, outcomes, stages, tags, voices, assets):
                count += connection.execute(delete(table).where(table.c.asset_id == asset_id)).rowcount
    return count


@retry_while_disk_full
def forget_paths(engine: Engine, paths: Iterable[str], *, uploaded: bool = False) -> int:
    """Forgets paths at which nothing is any more; see `replaced_assets`. Returns how many rows were deleted.

    With `uploaded` the paths are forgotten as uploads, too: a file that still lies there is one that has just
    landed.
    """
    tables = (locations, uploads) if uploaded else (locations,)
    with engine.begin() as connection:
        counts = [connection.execute(delete(t).where(t.c.path == path)).rowcount for path in paths for t in tables]
    return sum(counts)


def flows_of(engine: Engine, asset_id: str) -> set[str]:
    """Names the pipelines that have worked on an asset."""
    return set(scalars(engine, select(outcomes.c.flow).where(outcomes.c.asset_id == asset_id)))


def made_of(engine: Engine, plan: str) -> dict[str, Any] | None:
    """Returns the options and models of a plan; None where the plan is older than the catalog's notes of plans."""
    found: dict[str, Any] | None = scalar(engine, select(plans.c.made_of).where(plans.c.plan == plan))
    return found


@retry_while_disk_full
def record_plan(engine: Engine, plan: str, flow: str, made_of: dict[str, Any]) -> None:
    """Notes what a plan is made of; it never changes."""
    with engine.begin() as connection:
        if connection.execute(select(plans.c.plan).where(plans.c.plan == plan)).first() is None:
            connection.execute(INSERT_PLAN, {"plan": plan, "flow": flow, "made_of": made_of})
