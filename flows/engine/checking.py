"""All that is kept compared, and mended: what `medley verify` and the flow `verify` share."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

from flows.engine.claims import claiming
from flows.services.shared import vector_store
from medley.catalog import Catalog
from medley.records import store_slot
from medley.repair import mend_here, reruns
from medley.run import StoreAddress
from medley.settings import Settings
from medley.stores.connect import open_store
from medley.verify import Checked, Fault, Verifier

_AT_ONCE = 200  # paths of a call


class Verified(NamedTuple):
    """What was found first, and what is left."""

    first: Checked
    last: Checked

    @property
    def mended(self) -> list[Fault]:
        """The faults that are gone."""
        return [fault for fault in self.first.faults if fault not in self.last.faults]


def verify(
    settings: Settings, catalog: Catalog, only: set[str] | None, *, repair: bool, tell: Callable[[str], object]
) -> Verified:
    """Compares everything, or the assets of `only`; with `repair` mends, and looks again.

    `tell` is told of the runs that mending takes. Raises StoreUnavailable, TransientError.
    """
    with vector_store(settings) as address:
        first = last = _checked(settings, catalog, address, only)
        if repair and first.faults:
            _repair(first.faults, settings, catalog, address, tell)
            last = _checked(settings, catalog, address, only)
    return Verified(first, last)


def _checked(settings: Settings, catalog: Catalog, address: StoreAddress, only: set[str] | None) -> Checked:
    with contextlib.closing(open_store(address)) as store:
        return Verifier(catalog, settings.artifact_store, store, address.key, only).check()


def _repair(
    faults: list[Fault], settings: Settings, catalog: Catalog, address: StoreAddress, tell: Callable[[str], object]
) -> None:
    """First what needs no model; then runs over the files that lack something, as anybody would start them."""
    with claiming(catalog, "verify") as run_id, contextlib.closing(open_store(address)) as store:
        claim = lambda asset_id: bool(catalog.claim([asset_id], run_id))  # noqa: E731
        mend_here(faults, catalog, settings.artifact_store, store, store_slot(address.key), claim)
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT__")}  # a run of its own
    for (flow, options), paths in reruns(faults, catalog).items():
        flags = [word for name, value in options for word in (f"--{name}", value)]
        verb = ["run", flow] if flow else ["ingest"]
        for some in (paths[at : at + _AT_ONCE] for at in range(0, len(paths), _AT_ONCE)):
            tell(f"{len(some)} files are gone over again ({flow or 'ingest'})")
            command = [sys.executable, "-P", "-m", "medley", *verb, *some, *flags, "--json"]
            subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=False)  # what it came to is verified
