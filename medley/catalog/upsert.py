"""Statements that insert a row or change the one that is there, the same in SQLite and PostgreSQL.

They are text, because SQLAlchemy compiles its own `on_conflict_do_update` anew each time: 1 ms a statement, of which an
item needs several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, text

from medley.catalog.tables import assets, claims, locations, outcomes, plans, tags, uploads

CLAIM_S = 120.0


def upsert(
    table: Table,
    names: Sequence[str],
    keys: Sequence[str],
    *,
    once: Sequence[str] = (),
    changed: Mapping[str, str] | None = None,
    where: str = "",
) -> Any:
    """Makes a statement with a parameter for each of `names`, the columns that are given.

    A row that has the same `keys` gets the new values, but for columns named in `once`. `changed` gives SQL in place
    of a value, and `where` a condition without which the row stays; both may name `excluded`, the row that was given.
    Where nothing is left to change, the row stays as it is.
    """
    kept = {*keys, *once}
    values = {name: f"excluded.{name}" for name in names if name not in kept} | dict(changed or {})
    assigned = ", ".join(f"{name} = {value}" for name, value in values.items())
    sql = (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)}) "  # noqa: S608
        f"ON CONFLICT ({', '.join(keys)}) DO "
        + (f"UPDATE SET {assigned}" if assigned else "NOTHING")
        + (f" WHERE {where}" if where else "")
    )
    return text(sql).bindparams(*(bindparam(name, type_=table.c[name].type) for name in names))


UPSERT_ASSET = upsert(
    assets,
    ("asset_id", "size_bytes", "media", "created", "about"),
    ["asset_id"],
    once=["created"],
    changed={"about": "COALESCE(NULLIF(excluded.about, ''), assets.about)"},  # of a PDF its first stage tells it
)
UPSERT_LOCATION = upsert(locations, [column.name for column in locations.c], ["path"])
FAILED_LOCATION = upsert(
    locations,
    ("path", "error", "attempts", "seen"),
    ["path"],
    changed={"attempts": "locations.attempts + 1"},
)
OUTCOME_NAMES = ("asset_id", "flow", "plan", "run_id", "updated", "status", "errors", "records", "attempts")
BEGUN, ENDED = (
    upsert(
        outcomes,
        OUTCOME_NAMES,
        ["asset_id", "flow"],
        # how often this plan has been attempted
        changed={"attempts": f"CASE WHEN outcomes.plan = excluded.plan THEN {attempts} ELSE 1 END"},
    )
    for attempts in ("outcomes.attempts + 1", "outcomes.attempts")
)
CLAIM = upsert(
    claims,
    ("asset_id", "run_id", "expires"),
    ["asset_id"],
    # The new one expires that much later than now. `seen` is who had it when its process was looked at: somebody else
    # may have come since, and the clock may have been set.
    where=f"claims.run_id = :seen AND claims.expires < excluded.expires - {CLAIM_S} OR claims.run_id = excluded.run_id",
)
INSERT_TAG = upsert(tags, ("asset_id", "tag"), ["asset_id", "tag"])
INSERT_PLAN = upsert(plans, ("plan", "flow", "made_of"), ["plan"], once=["flow", "made_of"])
UPSERT_UPLOAD = upsert(uploads, [column.name for column in uploads.c], ["path"])
