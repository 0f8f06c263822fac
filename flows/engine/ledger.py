"""A run of this process in the catalog, with its claims kept."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping

from sqlalchemy.exc import SQLAlchemyError

from flows.services.log import logger
from medley.catalog import Catalog
from medley.errors import MedleyError

_RENEW_S = 30.0


@contextlib.contextmanager
def in_ledger(
    catalog: Catalog, run_id: str, flow: str, profile: str, ended: Callable[[], tuple[str, Mapping[str, int]]]
) -> Iterator[None]:
    """Opens a run of this process in the catalog and keeps its claims while the block runs.

    The catalog says how the run ended, whatever happens in the block. `ended` says the status and how many items
    ended how; where the block raises, the status is `failed`.
    """
    catalog.crash_dead_runs()
    catalog.begin_run(run_id, flow, profile)
    status = "failed"
    try:
        with claims_kept(catalog, run_id):
            yield
        status = ended()[0]
    finally:
        catalog.end_run(run_id, status, dict(ended()[1]))


@contextlib.contextmanager
def claims_kept(catalog: Catalog, run_id: str) -> Iterator[None]:
    """Renews the claims of a run until the block ends."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(_RENEW_S):
            try:
                catalog.renew_claims(run_id)
            except (SQLAlchemyError, MedleyError) as error:  # the next time: a claim lasts four of these
                logger.warning("claims were not renewed: %s", error)

    threading.Thread(target=renew, daemon=True).start()
    try:
        yield
    finally:
        done.set()
