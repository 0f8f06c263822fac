"""Conditions of Milvus over Medley's own enums, ids and numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from medley.stores.base import RecordBatch, Scope
from medley.types import Branch

FILTER_ASSETS = 500  #: in one condition: 33 kB
_ASSETS = 50  # that are written over by one delete


def literal(value: str | int) -> str:
    """Quotes `value` for a filter expression.

    The value is one of Medley's own enums, a hex id or a number. Raises ValueError for anything else.
    """
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z0-9_.:-]*", value):
        raise ValueError(f"not a value for a filter: {value!r}")
    return json.dumps(value)


def is_(field: str, value: str | int, operator: str = "==") -> str:
    """Compares a field."""
    return f"{field} {operator} {literal(value)}"


def is_one_of(field: str, values: Sequence[str]) -> str:
    """Looks for a field's value among some."""
    return f"{field} in [{', '.join(map(literal, values))}]"


def filter_of(scope: Scope) -> str:
    """Builds the condition of a scope; of more than `FILTER_ASSETS` assets none is made."""
    parts = [] if scope.modalities is None else [is_one_of("modality", scope.modalities)]
    if scope.page is not None:
        parts.append(is_("page", scope.page))
    if scope.asset_ids is not None and len(scope.asset_ids) <= FILTER_ASSETS:
        parts.append(is_one_of("asset_id", sorted(scope.asset_ids)))
    for marks in scope.marks:
        parts.append(f"ARRAY_CONTAINS_ANY(tags, [{', '.join(map(literal, sorted(marks)))}])")
    return " and ".join(parts)


def of_asset(asset_id: str, branch: Branch | None) -> str:
    """Looks for the rows of an asset, or of one branch of it."""
    return is_("asset_id", asset_id) + (f" and {is_('branch', branch)}" if branch else "")


def of_other_branches(asset_ids: Sequence[str], branches: Iterable[Branch]) -> str:
    """Looks for the rows of assets that are of no such branch."""
    kept = "".join(f" and {is_('branch', branch, '!=')}" for branch in sorted(branches))
    return is_one_of("asset_id", asset_ids) + kept


def stale(batches: Sequence[RecordBatch]) -> list[str]:
    """Builds conditions for the rows that other writes have left of those assets and their branch."""
    branch, other = is_("branch", batches[0].branch), is_("write_id", batches[0].write_id, "!=")
    slices = (batches[at : at + _ASSETS] for at in range(0, len(batches), _ASSETS))
    owners = (is_one_of("asset_id", [batch.asset_id for batch in some]) for some in slices)
    return [f"{theirs} and {branch} and {other}" for theirs in owners]
