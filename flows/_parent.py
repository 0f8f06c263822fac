"""A run that does nothing itself: it hands its files, some hundreds at a time, to runs of the modalities' flows."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows._command import FLOWS
from flows._flow import state_of
from flows._guard import guarded
from flows._run import claims_kept, deployed, open_run, with_profile
from flows._runner import local_runner
from flows._signals import stop_on_signals
from flows._start import error_of
from medley.catalog import Catalog, open_catalog
from medley.catalog.uploads import Uploads
from medley.options import IngestOptions
from medley.report import ReportFile, run_status
from medley.settings import Settings
from medley.types import Flow

#: More items than this are more than one child run.
CHILD_ITEMS = 500


@dataclass(slots=True)
class Parent:
    """What a parent run knows."""

    run_id: str
    settings: Settings
    catalog: Catalog
    uploads: Uploads
    report: ReportFile

    def child(
        self, flow: Flow, paths: list[str], options: IngestOptions, *, force: bool = False
    ) -> dict[str, dict[str, Any]]:
        """Runs one flow over `paths`; its entries by path. Where nothing is to do there is no flow run."""
        module, name = FLOWS[flow]
        call = getattr(import_module(module), name)
        if self.settings.runner == "local":
            call = call.with_options(task_runner=local_runner(self.settings))
        own = options.of(flow)
        with open_run(flow, own, self.settings, force=force) as known:
            if known.anything_to_do(paths):
                known.enter_missing(paths, error_of(partial(call, paths, own, force)))
            else:
                known.enter_known()
            entries = known.report.items()
        for entry in entries:
            self.report.add_entry(entry)
        return {entry["path"]: entry for entry in entries}

    def state(self) -> State[dict[str, Any]]:
        """How the whole of it ended, for Prefect."""
        return state_of(self.report, self.run_id)


@contextlib.contextmanager
def parent_run(flow: str, options: IngestOptions) -> Iterator[Parent]:
    """A run of this flow process; the catalog says how it ended, whatever happens in the block."""
    with deployed() as settings:
        catalog = open_catalog(settings)
        catalog.crash_dead_runs()
        run_id, prefect_run_id = str(uuid.uuid4()), str(flow_run.id)
        report = ReportFile(settings.home / "runs" / run_id)
        catalog.begin_run(run_id, flow, with_profile(options, settings).profile.value)
        catalog.note_prefect_run(run_id, prefect_run_id)
        status: str = "failed"
        try:
            with claims_kept(catalog, run_id), stop_on_signals(), guarded(prefect_run_id, settings.home):
                yield Parent(run_id, settings, catalog, Uploads(catalog.engine), report)
            status = run_status(report.counts.elements())
        finally:
            catalog.end_run(run_id, status, dict(report.counts))
            catalog.close_prefect_run(prefect_run_id)
