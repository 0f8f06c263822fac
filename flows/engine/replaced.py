"""Assets whose last path shows something else now: their records go, after the new ones are in."""

from __future__ import annotations

from flows.services.shared import vector_store
from medley.catalog import Catalog
from medley.records import retire
from medley.settings import Settings


def retire_replaced(catalog: Catalog, settings: Settings) -> None:
    """Takes the assets that no path shows any more out of the index. Raises StoreUnavailable."""
    if not (gone := catalog.replaced_assets()):
        return
    with vector_store(settings) as address:
        for asset_id in gone:
            retire(asset_id, settings.artifact_store, address)
            catalog.forget_outcomes(asset_id)
