"""A run that does nothing itself: it hands its files, some hundreds at a time, to runs of the modalities' flows."""

from __future__ import annotations

import contextlib
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any

from flows._flows import FLOWS
from flows._run import OpenRun, claims_kept, open_run, with_profile
from flows._view import Silent, View
from medley.catalog import Catalog, open_catalog
from medley.catalog.uploads import Uploads
from medley.errors import SetupError
from medley.options import IngestOptions
from medley.report import ItemReport, ReportFile, run_status
from medley.settings import Settings
from medley.stop import stop_requested
from medley.types import Flow

#: More items than this are more than one child run.
CHILD_ITEMS = 500
#: What a child run is to do: files of one flow, None for what no flow works on.
Batch = tuple[Flow | None, list[str]]


@dataclass(slots=True)
class Parent:
    """What a parent run knows. Its children run one after the other; each fills the machine by itself."""

    run_id: str
    settings: Settings
    catalog: Catalog
    options: IngestOptions
    report: ReportFile
    view: View = field(default_factory=Silent)
    force: bool = False
    verify: bool = False
    again: bool = False
    batches: Iterator[Batch] | None = None  #: None: the flow is to find out
    flow_runs: list[str] = field(default_factory=list)
    opened: OpenRun | None = None
    exits: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def uploads(self) -> Uploads:
        """The catalog's uploads."""
        return Uploads(self.catalog.engine)

    def anything_to_do(self) -> bool:
        """Enters batches about which nothing is to do; True, with its run opened, at the first other one."""
        for flow, paths in self.batches or ():
            if stop_requested():
                return False
            if flow is None:
                self._skip(paths)
            elif self._open(flow, paths):
                return True
        return False

    def work(self) -> None:
        """All batches, or until the run is stopped."""
        while self.opened or self.anything_to_do():
            self.run_opened()

    def child(self, flow: Flow, paths: list[str]) -> dict[str, dict[str, Any]]:
        """Runs one flow over `paths`; its entries by path. Where nothing is to do there is no flow run."""
        done = self.report.counts.total()
        if self._open(flow, paths):
            self.run_opened()
        return {entry["path"]: entry for n, entry in enumerate(self.report.items()) if n >= done}

    def run_opened(self) -> None:
        """The flow over the batch that has been opened."""
        from flows._start import error_of

        known = self.opened
        assert known
        module, name = FLOWS[known.flow]
        flow = getattr(import_module(module), name)
        if self.settings.runner == "local":
            from flows._runner import local_runner

            flow = flow.with_options(task_runner=local_runner(self.settings))
        with self.exits.pop_all():
            error: BaseException | None
            try:
                known.check_machine()
                error = error_of(partial(flow, known.paths, known.run.options, self.force))
            except SetupError as wrong:
                error = wrong
            known.enter_missing(known.paths, error)
            self._take(known)

    def _open(self, flow: Flow, paths: list[str]) -> bool:
        how = {"force": self.force, "verify": self.verify, "again": self.again}
        opened = open_run(flow, self.options.of(flow), self.settings, view=self.view, **how)
        known = self.opened = self.exits.enter_context(opened)
        known.paths = paths
        if known.anything_to_do(paths):
            return True
        with self.exits.pop_all():
            known.enter_known()
            self._take(known)
        return False

    def _take(self, known: OpenRun) -> None:
        self.flow_runs += known.prefect_runs()
        for entry in known.report.items():
            self.report.add_entry(entry)
        self.opened = None

    def _skip(self, paths: list[str]) -> None:
        for path in paths:
            skipped = ItemReport(path, "skipped")
            self.report.add(skipped)
            self.view.ended(skipped)

    def abandon(self) -> None:
        """For a hard exit: what is not done is cancelled, and the catalog is told."""
        if self.opened:
            self.opened.abandon(self.opened.paths)
            self._take(self.opened)
        self.catalog.end_run(self.run_id, "cancelled", dict(self.report.counts))


_current: Parent | None = None


@contextlib.contextmanager
def open_parent(
    flow: str,
    options: IngestOptions,
    settings: Settings,
    *,
    force: bool = False,
    verify: bool = False,
    view: View | None = None,
) -> Iterator[Parent]:
    """A parent run of this process; the catalog says how it ended, whatever happens in the block."""
    global _current  # noqa: PLW0603  # a flow called in this process joins the command's run
    catalog = open_catalog(settings)
    catalog.crash_dead_runs()
    options = with_profile(options, settings)
    run_id = str(uuid.uuid4())
    report = ReportFile(settings.home / "runs" / run_id)
    catalog.begin_run(run_id, flow, options.profile.value)
    parent = _current = Parent(run_id, settings, catalog, options, report, view or Silent(), force, verify)
    status: str = "failed"
    try:
        with claims_kept(catalog, run_id), parent.exits:
            yield parent
        status = "cancelled" if stop_requested() else run_status(Counter(report.counts).elements())
    finally:
        _current = None
        catalog.end_run(run_id, status, dict(report.counts))


def current_parent() -> Parent | None:
    """The parent run that the command has opened in this process."""
    return _current
