"""The commands that work on files: identify, start services only if there is something to do, report."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from flows.commands.call import Call, add_run_arguments, export_all, prepared
from flows.commands.console import print_json, print_note
from flows.commands.flags import read_option_flags
from flows.commands.summary import print_summary
from flows.engine.registry import flow_named
from flows.engine.run import RunContext, open_run
from flows.services import signals
from medley.errors import SetupError
from medley.options import OPTIONS
from medley.plain import portable_name
from medley.report import RunReport, RunStatus, exit_code, run_status
from medley.settings import Settings
from medley.sources.urls import without_password
from medley.types import Flow

_MAX_PATHS = 500


def add_arguments(parser: argparse.ArgumentParser, verb: Flow) -> None:
    """The flags of a verb that works on files."""
    parser.add_argument("paths", nargs="+", type=without_password, metavar="PATH", help="files")
    add_run_arguments(parser, OPTIONS[verb])


def run(verb: Flow, arguments: argparse.Namespace) -> int:
    """Works on the files and prints the report; returns the exit status."""
    if len(arguments.paths) > _MAX_PATHS:
        raise SetupError(f"{len(arguments.paths)} paths are too many for one call", remedy=f"Give {_MAX_PATHS} at most")
    return _Command(verb, arguments, prepared(arguments)).run()


class _Command(Call):
    """One call of a verb."""

    def __init__(self, verb: Flow, arguments: argparse.Namespace, settings: Settings) -> None:
        super().__init__(arguments, settings)
        self._verb = verb

    def run(self) -> int:
        """See the module."""
        options = read_option_flags(self._arguments, OPTIONS[self._verb])
        force, verify = self._arguments.force, self._arguments.verify
        opened = open_run(self._verb, options, self._settings, force=force, verify=verify, view=self._view)
        with (
            self._view,
            signals.stop_on_signals(),
            opened as known,
            signals.hard_exit(self._settings.stop_grace_s, lambda: self._leave_hard(known)),
        ):
            self._work(known)
        self._export(known)
        self._print(known)
        return signals.exit_code() or exit_code(run_status(known.report.counts.elements()))

    def _work(self, known: RunContext) -> None:
        if not known.anything_to_do(self._arguments.paths):
            known.enter_known()
            return
        known.check_machine()  # raises before any item is touched
        self._run_flow(known)

    def _run_flow(self, known: RunContext) -> None:
        from flows.services.start import error_of

        with self.services(known.catalog, known.connect_store, known.prefect_runs) as runner:
            flow = flow_named(self._verb).with_options(task_runner=runner)
            error = error_of(
                partial(flow, [*map(portable_name, self._arguments.paths)], known.run.options, known.run.force)
            )
        if isinstance(error, SetupError) and not known.report.counts:
            raise error
        known.enter_missing(self._arguments.paths, error)

    def _leave_hard(self, known: RunContext) -> None:
        known.abandon(self._arguments.paths)
        self._print(known)
        self.end_hard()

    def _export(self, known: RunContext) -> None:
        if self._arguments.export:
            self.told_exports = export_all(known, self._arguments.export)

    def _print(self, known: RunContext) -> None:
        if not self.first_to_tell():
            return
        items = _in_order(list(known.report.items()), self._arguments.paths)
        status: RunStatus = run_status(item["status"] for item in items)
        run_id = known.run.run_id
        whole = RunReport(run_id, self._verb, status, self.seconds, self.startup_s, self.prefect_url, items)
        if self._arguments.json:
            print_json(whole.to_dict())
        elif not self._arguments.quiet:
            print_summary(whole, self._arguments.profile)
        if self.told_exports:
            print_note(f"exported {self.told_exports} files to {self._arguments.export.absolute()}")
        if status in ("partial", "failed"):
            self._view.log_file(known.log)


def _in_order(items: list[dict[str, Any]], paths: list[str]) -> list[dict[str, Any]]:
    """Entries in the order in which the paths were given; they were written as they ended."""
    place = {path: n for n, path in reversed(list(enumerate(paths)))}
    return sorted(items, key=lambda item: place.get(item["path"], len(paths)))
