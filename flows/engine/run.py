"""One run of a flow from its first line in the catalog to its last: shared by command line and deployments."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from actors.resident import pool_for
from flows.engine.items import Item, SeenBuffer, identify_items
from flows.engine.ledger import in_ledger
from flows.engine.plan import new_run
from flows.engine.progress import Progress, Silent
from flows.engine.replaced import retire_replaced
from flows.engine.spool import clear_spool, clear_spool_at
from flows.engine.units import Units
from flows.services.environment import prepare_environment
from flows.services.log import LOG, Log, logged, logger
from flows.services.shared import vector_store
from medley import __version__
from medley.budget import Budget
from medley.catalog import Catalog, open_catalog
from medley.catalog.known import record_plan
from medley.dag.fingerprints import models_read, plan_fingerprint
from medley.dag.pipeline import Pipeline
from medley.errors import Cancelled, MedleyError
from medley.models.base import ModelSpec
from medley.models.locate import has_to_download, make_sure
from medley.options import FileOptions
from medley.plain import native_name
from medley.planning import plan_contents
from medley.pricing import Prices
from medley.report import ItemReport, ItemStatus, ReportFile, error_entry, run_status, stop_errors
from medley.run import TaskContext
from medley.settings import Settings, load_settings
from medley.sources.urls import without_password
from medley.system.disk import require_space
from medley.system.tracing import begin_tracing, run_span, trace_id
from medley.types import Asset


@dataclass(slots=True)
class RunContext:
    """What the flow process knows of its run; tasks get `run` only."""

    pipeline: Pipeline
    settings: Settings
    catalog: Catalog
    run: TaskContext
    plan: str
    report: ReportFile
    view: Progress
    models: list[ModelSpec] = field(default_factory=list)  #: that the stages ask
    verify: bool = False
    units: Units | None = None  #: of the parent run, for it and its children
    budget: Budget = field(default_factory=Budget)
    keeps_gone: bool = False  #: files that are not there any more are worked on, as far as what is kept of them goes
    prices: Prices | None = None  #: asked for once
    all_begun: bool = False  #: no file waits for its turn
    prefect_run_id: str | None = None
    ended_task_runs: int = 0  #: of Prefect
    crashed_task_runs: int = 0
    items: Iterator[Item] | None = None
    first: Asset | None = None  #: about which there is something to do
    paths: list[str] = field(default_factory=list)
    assets: dict[str, Asset] = field(default_factory=dict)  #: by path, of the items so far
    log_handlers: list[logging.Handler] = field(default_factory=list)
    exits: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Prefect sends the flow to Ray's workers, and with the flow what it closes over: this stays here."""
        return type(None), ()

    @property
    def log(self) -> Path:
        """The run's log file."""
        return self.report.path.with_name(LOG)

    def identify(self, paths: list[str]) -> Iterator[Item]:
        """Returns an iterator over the items of `paths`: the one that the command has begun, where there is one."""
        if self.items is None:
            paths = [without_password(native_name(path)) for path in paths]
            seen_buffer = SeenBuffer(self.catalog, self.run.options.tags)
            self.exits.callback(seen_buffer.flush)  # not when the generator is collected: that may be within a write
            found = identify_items(
                paths,
                self.run.flow,
                self.plan,
                self.catalog,
                self.run,
                verify=self.verify,
                enough=lambda: self.budget.used_up,
                keeps_gone=self.keeps_gone,
            )
            self.items = map(self._remembered, map(seen_buffer.add, found))
        return self.items

    def _remembered(self, item: Item) -> Item:
        if item.asset:
            self.assets[item.path] = item.asset
        return item

    def tokens_foreseen(self, asset: Asset) -> float:
        """Estimates the tokens of models behind servers that an asset takes; 0.0 where the budget does not ask."""
        if self.budget.tokens is None:
            return 0.0
        self.prices = self.prices or Prices(self.catalog.engine)
        return self.prices.tokens_of(asset, self.run)

    def anything_to_do(self, paths: list[str]) -> bool:
        """Says whether a stage may have to run for any of `paths`, and looks at no more paths than needed to know."""
        items = self.identify(paths)
        seen: list[Item] = []
        for item in items:
            seen.append(item)
            if item.to_do:
                break
        self.items = chain(seen, items)
        self.first = seen[-1].asset if seen and seen[-1].to_do else None
        return bool(seen) and seen[-1].to_do

    def enter_known(self) -> None:
        """Entries for items about which nothing is to do: no flow run, no services.

        But for a store where records of a replaced file are left: the run that was to remove them may have ended while
        another one, which is gone by now, still had a claim on that file. Raises StoreUnavailable.
        """
        for item in self.items or ():
            if item.report:
                self.report.add(item.report)
                self.view.ended(item.report)
        if self.units is None:  # else the parent does
            retire_replaced(self.catalog, self.settings, self.run.run_id)

    def check_machine(self) -> None:
        """Raises SetupError where the weights, their server or the space for this run are not to be had."""
        for model in self.models:
            if has_to_download(model):
                self.view.starting(f"downloading the {model.kind} model {model.id}")
            make_sure(model)
        require_space(self.settings)
        self.run.artifact_store.check()
        if self.run.artifacts_url:
            clear_spool_at(self.run.artifacts_url, self.catalog.running_runs())

    def on_ray_up(self) -> None:
        """Lets workers import what the run needs, and the models of the first item load. Waits for none of them."""
        from flows.services.ray_task_host import task_host  # Ray takes a second to import

        task_host.start([self.pipeline.picture.__module__])
        stages = self.run.dag.wanted(self.first) if self.first else []
        wanted = {stage.model for stage in stages if not stage.seldom}
        for model in self.models:
            if wanted & {model.kind, model}:
                pool_for(model, self.run)

    def prefect_runs(self) -> dict[str, tuple[int, int]]:
        """Returns the flow run of Prefect that shows this run, with its numbers of ended and of crashed task runs.

        The result is empty where no flow run shows this run.
        """
        counts = (self.ended_task_runs, self.crashed_task_runs)
        return {self.prefect_run_id: counts} if self.prefect_run_id else {}

    def connect_store(self) -> TaskContext:
        """Returns the run with the address of a store that is there.

        The store is started with the first item that needs it.
        """
        if not self.run.store.uri:
            self.run = replace(self.run, store=self.exits.enter_context(vector_store(self.settings)))
        return self.run

    def enter_missing(self, paths: list[str], error: BaseException | None) -> None:
        """Gives an entry to each path without one: cancelled, or failed where an error ended the whole run."""
        error = None if isinstance(error, Cancelled) else error  # somebody stopped it: no file is at fault
        status: ItemStatus = "cancelled" if error is None else "failed"
        why = f"the run ended: {type(error).__name__}: {error}"
        ended = MedleyError(why, remedy="Run again: finished stages are kept")
        errors = stop_errors() if error is None else [error_entry(ended)]
        entered = Counter(item["path"] for item in self.report.items())
        for path in (Counter(paths) - entered).elements():
            self.report.add(ItemReport(path, status, errors=errors))

    def abandon(self, paths: list[str]) -> None:
        """Enters the paths that are not done as cancelled, and tells the catalog; for a hard exit."""
        self.enter_missing(paths, None)
        self.catalog.end_run(self.run.run_id, "cancelled", dict(self.report.counts))


@contextlib.contextmanager
def open_run(
    pipeline: Pipeline,
    options: FileOptions,
    settings: Settings,
    *,
    force: bool = False,
    verify: bool = False,
    retry_failed: bool = False,
    view: Progress | None = None,
    parent: str = "",
) -> Iterator[RunContext]:
    """Opens a run of this process and keeps its claims; the catalog says how the run ended, whatever the block does.

    `parent`: the traceparent of the parent run. Raises SetupError before any item is touched.
    """
    context = replace(new_run(pipeline, options, settings, force), retry_failed=retry_failed)
    catalog, plan = open_catalog(settings), plan_fingerprint(context.fingerprints)
    report, models = ReportFile(settings.home / "runs" / context.run_id), models_read(context.dag, context.models)
    run_context = RunContext(pipeline, settings, catalog, context, plan, report, view or Silent(), models, verify)
    profile = context.options.chosen.value
    ended = lambda: (run_status(report.counts.elements()), report.counts)  # noqa: E731  # asked at the end
    with (
        in_ledger(catalog, context.run_id, pipeline.name, profile, ended),
        traced_run(pipeline.name, context.run_id, settings, parent) as trace,
    ):
        run_context.run = replace(context, trace=trace)
        clear_spool(settings.spool, catalog.running_runs())
        record_plan(catalog.engine, plan, pipeline.name, plan_contents(context.options, models))
        with _logged(run_context), run_context.exits:
            yield run_context


@contextlib.contextmanager
def _logged(run_context: RunContext) -> Iterator[None]:
    """Keeps the run's log during the block; what its files were copied for goes with the block."""
    run, as_json = run_context.run, run_context.settings.log_format == "json"
    try:
        with logged(Log(run_context.log, trace_id(run.trace), as_json), run_context.view.log) as handlers:
            run_context.log_handlers = handlers
            _log_beginning(run_context)
            yield
    finally:
        shutil.rmtree(run.spool, ignore_errors=True)


@contextlib.contextmanager
def traced_run(flow: str, run_id: str, settings: Settings, parent: str = "") -> Iterator[str]:
    """Traces a run where the settings want it; yields its traceparent, else "". Raises SetupError."""
    if settings.traces:
        begin_tracing()
    with run_span(f"run {flow}", parent, run=run_id) as trace:
        yield trace


def _log_beginning(run_context: RunContext) -> None:
    run = run_context.run
    logger.info("medley %s, run %s of flow %s, runner %s", __version__, run.run_id, run.flow, run.runner)
    models = "".join(f"\nmodel {model.to_json()}" for model in run_context.models)
    logger.info("options %s%s", run.options.model_dump_json(), models)


@contextlib.contextmanager
def deployed_run(pipeline: Pipeline, options: FileOptions, *, force: bool) -> Iterator[RunContext]:
    """Opens a run for the block, within a flow that no command has started."""
    with deployed() as settings, open_run(pipeline, options, settings, force=force) as run_context:
        yield run_context


@contextlib.contextmanager
def deployed() -> Iterator[Settings]:
    """Yields the settings of a run that no command has opened; leaves Ray at the end where its tasks start Ray."""
    from prefect.context import FlowRunContext

    from flows.services.ray_runner import StockRayRunner
    from flows.services.ray_start import stop_ray

    context = FlowRunContext.get()
    on_ray = context is not None and isinstance(context.task_runner, StockRayRunner)
    settings = load_settings().model_copy(update={"runner": "ray" if on_ray else "local"})
    prepare_environment(settings)
    try:
        yield settings
    finally:
        stop_ray()
