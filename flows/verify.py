"""Whether all that is kept agrees: `medley verify` as a flow, for a schedule and for Prefect's UI."""

from __future__ import annotations

import sys
from typing import Any

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["verify", *sys.argv[1:]]))

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.engine.checking import Verified, verify
from flows.engine.run import deployed
from flows.services.log import logger
from medley.catalog import Catalog, open_catalog
from medley.plain import printable

_SHOWN = 1000


@flow(name="verify", persist_result=False)
def verify_index(repair: bool = False) -> Any:
    """Compares catalog, artifacts and the rows of the store. The run fails while something is wrong.

    Args:
        repair: Mend what is wrong, by doing the least again.

    """
    with deployed() as settings:
        catalog = open_catalog(settings)
        found = verify(settings, catalog, None, repair=repair, tell=logger.info)
        if found.first.faults:
            _show(found, catalog)
        return _state(found)


def _show(found: Verified, catalog: Catalog) -> None:
    faults = [*found.first.faults, *(fault for fault in found.last.faults if fault not in found.first.faults)][:_SHOWN]
    names = catalog.newest_locations([fault.asset_id for fault in faults if fault.asset_id])
    table = [
        {
            "file": printable(names.get(fault.asset_id) or fault.path or fault.asset_id[:12]),
            "what": fault.what,
            "probably": fault.cause,
            "mended": "no" if fault in found.last.faults else "yes",
        }
        for fault in faults
    ]
    create_table_artifact(table=table, key="verify", description="What does not agree")


def _state(found: Verified) -> State[dict[str, int]]:
    last = found.last
    looked = f"{last.assets} files, {last.artifacts} artifacts, {last.records} records"
    if last.faults:
        return Failed(
            message=f"{len(last.faults)} faults, {len(found.mended)} mended, of {looked}: medley verify --repair"
        )
    mended = f"{len(found.mended)} faults are mended, " if found.mended else ""
    return Completed(message=f"{mended}all agree: {looked}")
