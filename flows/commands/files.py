"""`medley run PIPELINE PATH...`, and `medley video|pdf|image PATH...`: works on files, starts services where needed."""

from __future__ import annotations

import argparse
import contextlib
from functools import partial
from typing import Any

from flows.commands.call import Call, add_run_arguments, export_all, prepared
from flows.commands.console import print_json, print_note
from flows.commands.flags import read_option_flags
from flows.commands.summary import print_summary
from flows.engine.prefect_flows import flow_of
from flows.engine.run import RunContext, open_run
from flows.services import signals
from medley.dag.registry import pipeline_named
from medley.errors import Cancelled, SetupError
from medley.plain import portable_name
from medley.report import RunReport, RunStatus, exit_code, run_status
from medley.settings import Settings
from medley.sources.urls import without_password

_MAX_PATHS = 500


def add_arguments(parser: argparse.ArgumentParser, pipeline: str) -> None:
    """Adds the flags of a pipeline. Raises PipelineError."""
    parser.add_argument("paths", nargs="+", type=without_password, metavar="PATH", help="files")
    add_run_arguments(parser, pipeline_named(pipeline).options)


def run(pipeline: str, arguments: argparse.Namespace, verb: str) -> int:
    """Works on the files and prints the report; returns the exit status."""
    if len(arguments.paths) > _MAX_PATHS:
        raise SetupError(f"{len(arguments.paths)} paths are too many for one call", remedy=f"Give {_MAX_PATHS} at most")
    return _Command(pipeline, verb, arguments, prepared(arguments)).run()


class _Command(Call):
    """One call of a verb."""

    def __init__(self, pipeline: str, verb: str, arguments: argparse.Namespace, settings: Settings) -> None:
        super().__init__(arguments, settings)
        self._pipeline, self._verb = pipeline_named(pipeline), verb

    def run(self) -> int:
        """Works on the files, starts services where needed, prints the report and returns the exit status."""
        self._view.pace.total = len(self._arguments.paths)
        options = read_option_flags(self._arguments, self._pipeline.options)
        force, verify = self._arguments.force, self._arguments.verify
        opened = open_run(self._pipeline, options, self._settings, force=force, verify=verify, view=self._view)
        with (
            self._view,
            signals.stop_on_signals(),
            opened as run_context,
            signals.hard_exit(self._settings.stop_grace_s, lambda: self._leave_hard(run_context)),
        ):
            run_context.budget = self._arguments.budget
            self._work(run_context)
        self._export(run_context)
        self._print(run_context)
        return signals.exit_code() or exit_code(run_status(run_context.report.counts.elements()))

    def _work(self, run_context: RunContext) -> None:
        if not run_context.anything_to_do(self._arguments.paths):
            run_context.enter_known()
            return
        run_context.check_machine()  # raises before any item is touched
        self._run_flow(run_context)

    def _run_flow(self, run_context: RunContext) -> None:
        from flows.services.start import error_of

        error = None
        with (
            contextlib.suppress(Cancelled),  # while services were being started
            self.services(
                run_context.catalog,
                run_context.connect_store,
                run_context.prefect_runs,
                run_context.on_ray_up,
                self._pipeline.name,
            ) as runner,
        ):
            flow = flow_of(self._pipeline, run_context).with_options(task_runner=runner)
            error = error_of(
                partial(
                    flow, [*map(portable_name, self._arguments.paths)], run_context.run.options, run_context.run.force
                )
            )
        if isinstance(error, SetupError) and not run_context.report.counts:
            raise error
        run_context.enter_missing(self._arguments.paths, error)

    def _leave_hard(self, run_context: RunContext) -> None:
        run_context.abandon(self._arguments.paths)
        self._print(run_context)
        self.end_hard()

    def _export(self, run_context: RunContext) -> None:
        if self._arguments.export:
            self.told_exports = export_all(run_context, self._arguments.export)

    def _print(self, run_context: RunContext) -> None:
        if not self.first_to_tell():
            return
        items = _in_order(list(run_context.report.items()), self._arguments.paths)
        status: RunStatus = run_status(item["status"] for item in items)
        run_id = run_context.run.run_id
        whole = RunReport(run_id, self._pipeline.name, status, self.seconds, self.startup_s, self.prefect_url, items)
        whole.work = self.work_of(run_context.catalog, [run_id] if run_context.prefect_run_id else [])
        if self._arguments.json:
            print_json(whole.to_dict())
        elif not self._arguments.quiet:
            print_summary(whole, self._arguments.profile, self._verb)
        if self.told_exports:
            print_note(f"exported {self.told_exports} files to {self._arguments.export.absolute()}")
        if status in ("partial", "failed"):
            self._view.log_file(run_context.log)


def _in_order(items: list[dict[str, Any]], paths: list[str]) -> list[dict[str, Any]]:
    """Entries in the order in which the paths were given; they were written as they ended."""
    place = {path: n for n, path in reversed(list(enumerate(paths)))}
    return sorted(items, key=lambda item: place.get(item["path"], len(paths)))
