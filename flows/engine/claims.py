"""What commands share that change what is kept without a flow: they claim assets as runs do."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from flows.engine.ledger import in_ledger
from medley.catalog import Catalog


@contextmanager
def claiming(catalog: Catalog, flow: str) -> Iterator[str]:
    """Opens a run of this process in the catalog, keeps its claims until the block ends, and yields the run's id."""
    run_id = str(uuid.uuid4())
    with in_ledger(catalog, run_id, flow, "", lambda: ("complete", {})):
        yield run_id


@contextmanager
def claimed_ones(catalog: Catalog, flow: str, asset_ids: Iterable[str]) -> Iterator[list[str]]:
    """Claims those of the assets that no run is at work on, and yields their ids.

    Nobody else begins with the claimed assets until the block ends.
    """
    with claiming(catalog, flow) as run_id:
        wanted = list(dict.fromkeys(asset_ids))
        mine = catalog.claim(wanted, run_id)
        yield [asset_id for asset_id in wanted if asset_id in mine]
