"""Assets whose last path shows something else now: their records go, after the new ones are in."""

from __future__ import annotations

from collections.abc import Sequence

from flows.services.shared import vector_store
from medley.attached import parent_of
from medley.catalog import Catalog
from medley.catalog.known import attached_paths, forget_paths, known_among
from medley.catalog.lookup import attached_to
from medley.catalog.reading import scalars
from medley.generations import every_address
from medley.records import retire
from medley.settings import Settings


def retire_replaced(catalog: Catalog, settings: Settings, run_id: str) -> None:
    """Takes the assets that no path shows any more out of the index, as the work of a run. Raises StoreUnavailable.

    They are claimed for it: another run that has looked at such a file before may be about to begin with it, and what
    it writes while the outcome is forgotten here would never be found again.
    """
    _forget_detached(catalog)
    if not (gone := catalog.replaced_assets(run_id)):
        return
    mine = catalog.claim(gone, run_id)
    try:
        with vector_store(settings) as address:
            generations = every_address(address, catalog)
            for asset_id in sorted(mine.intersection(catalog.replaced_assets(run_id))):
                for one in generations:
                    retire(asset_id, settings.artifact_store, one)
                catalog.forget_outcomes(asset_id)
    finally:
        catalog.release(mine, run_id)


def _forget_detached(catalog: Catalog) -> None:
    """Forgets the paths of attached files whose file around them is known no more."""
    while True:
        paths = attached_paths(catalog.engine)
        known = known_among(catalog.engine, {parent_of(path) or "" for path in paths})
        gone = [path for path in paths if parent_of(path) not in known]
        if not gone:
            return
        forget_paths(catalog.engine, gone)  # and what is attached to those, next


def forget_attached_before(catalog: Catalog, path: str, attached: Sequence[str]) -> None:
    """Forgets what was attached to a file and is no more; `attached` is what is now."""
    before = scalars(catalog.engine, attached_to(path))
    forget_paths(catalog.engine, [url for url in before if parent_of(url) == path and url not in attached])
