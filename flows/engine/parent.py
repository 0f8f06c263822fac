"""A run that does nothing itself: it hands its files, some hundreds at a time, to runs of the modalities' flows."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from flows.engine.children import Child, Children
from flows.engine.items import known_as
from flows.engine.ledger import in_ledger
from flows.engine.plan import with_profile
from flows.engine.prefect_flows import flow_of
from flows.engine.progress import Progress, Silent
from flows.engine.replaced import forget_attached_before, retire_replaced
from flows.engine.routing import ChildJob, batches
from flows.engine.run import RunContext, open_run, traced_run
from flows.engine.units import Units
from medley.budget import Budget
from medley.catalog import Catalog, open_catalog
from medley.catalog.uploads import Uploads
from medley.dag.pipeline import Pipeline
from medley.dag.registry import pipeline_named
from medley.errors import MedleyError, SetupError
from medley.media.attachments import WITH_FILES
from medley.media.sniff import sniff
from medley.options import FileOptions, options_for
from medley.plain import portable_name
from medley.report import ItemReport, ItemStatus, ReportFile, RunStatus, error_entry, run_status, stop_errors
from medley.settings import Settings
from medley.sources.urls import is_url
from medley.system.stop import STOP

_DEEPEST = 8  #: files in files in files


@dataclass(slots=True)
class Parent:
    """What a parent run knows. Its children overlap: see `flows.engine.children`."""

    run_id: str
    settings: Settings
    catalog: Catalog
    options: FileOptions
    report: ReportFile
    view: Progress = field(default_factory=Silent)
    force: bool = False
    verify: bool = False
    retry_failed: bool = False
    keeps_gone: bool = False  #: see `RunContext`
    options_of: Callable[[Pipeline, list[str]], FileOptions] | None = None  #: None: those of the run, for all files
    batches: Iterator[ChildJob] | None = None  #: None: the flow is to find out
    on_child: Callable[[RunContext], object] = lambda run_context: None  #: told of each child run that is done
    children: list[str] = field(default_factory=list)  #: ids of the runs that have ended
    flow_runs: dict[str, tuple[int, int]] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)  #: that all children share
    trace: str = ""  #: its span
    finished: bool = False  #: every batch has been worked on
    lost: str = ""  #: why that did not come about, where nobody has stopped it
    on_entry: Callable[[str, dict[str, Any]], object] = lambda path, entry: None  #: of each file, once it is in
    units: Units = field(init=False)  #: that all children share
    _children: Children = field(init=False)
    _next: Child | None = None
    _attached: list[str] = field(default_factory=list)  #: files to others, which come after all others
    _anything_done: bool = False

    def __post_init__(self) -> None:
        self.units = Units(self.settings)
        self._children = Children(self.units, self._ended)

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """As of `RunContext`: the flow travels to Ray's workers, this does not."""
        return type(None), ()

    @property
    def uploads(self) -> Uploads:
        """The catalog's uploads."""
        return Uploads(self.catalog.engine)

    def anything_to_do(self) -> bool:
        """Enters batches about which nothing is to do; True, with its run opened, at the first other one."""
        for flow, paths in self._jobs():
            if STOP.is_set():
                self._enter(paths, "cancelled", stop_errors())
            elif self.budget.used_up:
                self._enter(paths, "pending", [])
            elif flow is None:
                self._enter(paths, "skipped", [])
            else:
                self._open(flow, paths)
            if self.opened:
                return True
        return False

    def _jobs(self) -> Iterator[ChildJob]:
        """Batches that are left, and then what is attached to files of those before."""
        for job in self.batches or ():  # no `yield from`: that would close them where this generator is left
            yield job
        while self._attached:
            found, self._attached = self._attached, []
            self.batches = batches(found, self.settings.routes)
            for job in self.batches:
                yield job

    @property
    def status(self) -> RunStatus:
        """How it ended."""
        if STOP.is_set() and not self.finished:
            return "cancelled"
        return "failed" if self.lost else run_status(self.report.counts.elements())

    def work(self) -> None:
        """Works on all batches, or until the run is stopped."""
        with self.units:
            while self.opened or self.anything_to_do() or self._children.at_work:
                if self.opened:
                    self._start_opened()
                    self._children.wait_for_room()
                else:
                    self._children.wait()  # what is attached to their files comes then
        if self._anything_done and not STOP.is_set():
            retire_replaced(self.catalog, self.settings, self.run_id)
        self.finished = not STOP.is_set()

    def run_jobs(self, jobs: Iterable[ChildJob]) -> dict[str, dict[str, Any]]:
        """Works on some batches and returns the entries by path. Without work to do there is no flow run."""
        entries: dict[str, dict[str, Any]] = {}
        self.on_entry, told = entries.__setitem__, self.on_entry
        self.batches = iter(jobs)
        self.work()
        self.on_entry = told
        return entries

    def on_ray_up(self) -> None:
        """Calls `RunContext.on_ray_up` for the batch that has been opened, if there is one."""
        if self.opened:
            self.opened.on_ray_up()

    @property
    def opened(self) -> RunContext | None:
        """The run of the batch that is to begin next."""
        return self._next.run_context if self._next else None

    def _start_opened(self) -> None:
        """Lets the batch that has been opened begin."""
        child, self._next = self._next, None
        assert child
        if self.settings.runner == "ray":
            from flows.services.ray_start import ensure_ray

            ensure_ray()  # in the main thread
        self._children.start(child, self._run)

    def _run(self, run_context: RunContext) -> BaseException | None:
        """Runs the flow over a batch."""
        from flows.services.start import error_of

        flow = flow_of(run_context.pipeline, run_context)
        if self.settings.runner == "local":
            from flows.services.ray_runner import local_runner

            flow = flow.with_options(task_runner=local_runner(self.settings))
        try:
            run_context.check_machine()
            paths = [*map(portable_name, run_context.paths)]
            return error_of(partial(flow, paths, run_context.run.options, self.force))
        except SetupError as wrong:
            return wrong

    def _ended(self, child: Child, error: BaseException | None) -> None:
        with child.exits:
            child.run_context.enter_missing(child.run_context.paths, error)
            self._anything_done = True
            self._take(child.run_context)

    def _open(self, flow: str, paths: list[str]) -> RunContext:
        """A run over `paths`, which stays open where there is something to do."""
        pipeline, exits = pipeline_named(flow), contextlib.ExitStack()
        how = {"force": self.force, "verify": self.verify, "retry_failed": self.retry_failed}
        options = self.options_of(pipeline, paths) if self.options_of else options_for(pipeline.options, self.options)
        opened = open_run(pipeline, options, self.settings, view=self.view, parent=self.trace, **how)
        with contextlib.ExitStack() as safe:
            run_context = safe.enter_context(opened)
            run_context.paths, run_context.units, run_context.budget = paths, self.units, self.budget
            run_context.keeps_gone = self.keeps_gone
            self._next = Child(run_context, exits)
            if run_context.anything_to_do(paths):
                exits.push(safe.pop_all())
            else:
                run_context.enter_known()
                self._next = None
                self._take(run_context)
        return run_context

    def _take(self, run_context: RunContext) -> None:
        self.flow_runs |= run_context.prefect_runs()
        self.children += [run_context.run.run_id] if run_context.prefect_run_id else []
        self.on_child(run_context)
        for entry in run_context.report.items():
            self._add(entry)
            self._attached += [url for url in entry["attached"] if url.count("!/") <= _DEEPEST]
            if entry["media_type"] in WITH_FILES and entry["status"] == "complete":  # else not all is known
                forget_attached_before(self.catalog, known_as(entry["path"]), entry["attached"])

    def _add(self, entry: dict[str, Any]) -> None:
        self.report.add_entry(entry)
        self.on_entry(entry["path"], entry)

    def _enter(self, paths: list[str], status: ItemStatus, errors: list[dict[str, Any]]) -> None:
        """Files that no child run takes."""
        for path in paths:
            item = ItemReport(path, status, errors=errors, notes=_why_skipped(path) if status == "skipped" else [])
            self._add(item.to_dict())
            self.view.ended(item)

    def refuse(self, source: str, error: MedleyError) -> None:
        """Enters a source that cannot be read as an item that failed."""
        item = ItemReport(source, "failed", errors=[error_entry(error)])
        self.report.add(item)
        self.view.ended(item)

    def give_up(self, error: BaseException) -> None:
        """Notes that `error` has ended the whole run, and closes the batch that is open.

        Raises `error` instead where it is the machine's fault and no item was touched.
        """
        if isinstance(error, SetupError) and not self.report.counts:
            raise error
        self.lost = f"the run ended before all files were looked at: {error}. Run it again: finished stages are kept"
        self.close(error)

    def abandon(self) -> None:
        """Enters what is not done as cancelled, and tells the catalog that the run was cancelled; for a hard exit."""
        self.close(None)
        self.catalog.end_run(self.run_id, "cancelled", dict(self.report.counts))

    def close(self, error: BaseException | None) -> None:
        """Gives an entry to each path of batches that are still open: cancelled, or failed where there is an error."""
        still_open = [*self._children.at_work, *([self._next] if self._next else [])]
        self._next = None
        self._children.at_work.clear()
        for child in still_open:
            with child.exits:
                child.run_context.enter_missing(child.run_context.paths, error)
                self._take(child.run_context)


def _why_skipped(path: str) -> list[str]:
    """What it is, in the place of a reason: no flow works on such files."""
    if is_url(path):
        return []
    if not Path(path).is_file() or Path(path).is_symlink():
        return ["is a link, a device or the like: these are not followed"]
    try:
        sniff(Path(path))
    except MedleyError as error:
        return [error.reason]
    return []


@contextlib.contextmanager
def open_parent(
    flow: str,
    options: FileOptions,
    settings: Settings,
    *,
    force: bool = False,
    verify: bool = False,
    retry_failed: bool = False,
    view: Progress | None = None,
) -> Iterator[Parent]:
    """Opens a parent run of this process; the catalog says how the run ended, whatever happens in the block."""
    catalog, options = open_catalog(settings), with_profile(options, settings)
    run_id = str(uuid.uuid4())
    report = ReportFile(settings.home / "runs" / run_id)
    parent = Parent(run_id, settings, catalog, options, report, view or Silent(), force, verify, retry_failed)
    ended = lambda: (parent.status, report.counts)  # noqa: E731  # asked at the end
    with (
        in_ledger(catalog, run_id, flow, options.chosen.value, ended),
        traced_run(flow, run_id, settings) as parent.trace,
    ):
        yield parent
