"""The commands that work on files: identify, start services only if there is something to do, report."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from flows import _signals
from flows._environment import prepare_environment
from flows._flags import add_option_flags, read_option_flags
from flows._flows import FLOWS
from flows._identify import Item
from flows._run import OpenRun, open_run
from flows._services import leave_all
from flows._summary import print_summary
from flows._view import Terminal
from medley.errors import SetupError
from medley.export import export_asset
from medley.options import OPTIONS
from medley.report import RunReport, RunStatus, exit_code, run_status
from medley.settings import Settings, load_settings
from medley.types import Asset, Flow

_MAX_PATHS = 500


def add_arguments(parser: argparse.ArgumentParser, verb: Flow) -> None:
    """The flags of a verb that works on files."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files")
    add_run_arguments(parser, OPTIONS[verb])


def add_run_arguments(parser: argparse.ArgumentParser, options: type[BaseModel]) -> None:
    """The flags of all verbs that start runs."""
    parser.add_argument("--runner", choices=("ray", "local"), help="ray (default), or threads of this process")
    parser.add_argument("--force", action="store_true", help="do everything again, whatever is known of these files")
    parser.add_argument("--verify", action="store_true", help="read every file, also where nothing seems changed")
    parser.add_argument("--export", metavar="DIR", type=Path, help="write JSON, SRT and WebVTT files there")
    parser.add_argument("--json", action="store_true", help="the report as JSON on stdout")
    told = parser.add_mutually_exclusive_group()
    told.add_argument("-v", "--verbose", action="store_true", help="the run's log on stderr, too")
    told.add_argument("-q", "--quiet", action="store_true", help="say only what went wrong")
    add_option_flags(parser, options)


def run(verb: Flow, arguments: argparse.Namespace) -> int:
    """Works on the files and prints the report; returns the exit status."""
    if len(arguments.paths) > _MAX_PATHS:
        raise SetupError(f"{len(arguments.paths)} paths are too many for one call", remedy=f"Give {_MAX_PATHS} at most")
    return _Command(verb, arguments, prepared(arguments)).run()


def prepared(arguments: argparse.Namespace) -> Settings:
    """The settings, with what the flags of a run say of them; the environment is made for them."""
    settings = load_settings()
    if arguments.runner:
        settings = settings.model_copy(update={"runner": arguments.runner})
    if arguments.export:
        _make_export_directory(arguments.export)
    prepare_environment(settings)
    return settings


def _make_export_directory(directory: Path) -> None:
    """Before any work: what cannot be written is not found out at the end."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"--export {directory}: {error.strerror}", remedy="Give a directory to write to") from None
    if not os.access(directory, os.W_OK):
        raise SetupError(f"--export {directory}: not writable", remedy="Give a directory to write to")


class _Command:
    """One call of a verb."""

    def __init__(self, verb: Flow, arguments: argparse.Namespace, settings: Settings) -> None:
        self._to_print = threading.Lock()
        self._verb = verb
        self._arguments = arguments
        self._settings = settings
        self._began = time.monotonic()
        self._startup_s = 0.0
        self._prefect_url: str | None = None
        self._assets: dict[str, Asset] = {}
        self._view = Terminal(verbose=arguments.verbose, quiet=arguments.quiet)

    def run(self) -> int:
        """See the module."""
        options = read_option_flags(self._arguments, OPTIONS[self._verb])
        force, verify = self._arguments.force, self._arguments.verify
        opened = open_run(self._verb, options, self._settings, force=force, verify=verify, view=self._view)
        with (
            self._view,
            _signals.stop_on_signals(),
            opened as known,
            _signals.hard_exit(self._settings.stop_grace_s, lambda: self._leave_hard(known)),
        ):
            self._work(known)
        self._export(known)
        self._print(known)
        return _signals.exit_code() or exit_code(run_status(known.report.counts.elements()))

    def _work(self, known: OpenRun) -> None:
        known.items = self._remembered(known.identify(self._arguments.paths))
        if not known.anything_to_do(self._arguments.paths):
            known.enter_known()
            return
        known.check_machine()  # raises before any item is touched
        self._run_flow(known)

    def _remembered(self, items: Iterator[Item]) -> Iterator[Item]:
        for item in items:
            if item.asset:
                self._assets[item.path] = item.asset
            yield item

    def _run_flow(self, known: OpenRun) -> None:
        from flows._start import error_of, started

        begin = time.monotonic()
        module, name = FLOWS[self._verb]
        self._view.starting("starting services")
        with started(known.settings, known.catalog, known.connect_store, known.prefect_runs) as (runner, url):
            self._prefect_url = url
            flow = getattr(import_module(module), name).with_options(task_runner=runner)
            self._startup_s = round(time.monotonic() - begin, 3)
            error = error_of(partial(flow, self._arguments.paths, known.run.options, known.run.force))
        if isinstance(error, SetupError) and not known.report.counts:
            raise error
        known.enter_missing(self._arguments.paths, error)

    def _leave_hard(self, known: OpenRun) -> None:
        """The work did not end within the grace period: write what is known, end what we started, and go."""
        known.abandon(self._arguments.paths)
        self._print(known)  # before Ray is killed: the main thread may end over that
        sys.stdout.flush()
        if "flows._runner" in sys.modules:
            sys.modules["flows._runner"].kill_private_cluster()
        leave_all()
        os._exit(_signals.exit_code() or 1)

    def _export(self, known: OpenRun) -> None:
        if self._arguments.export:
            for path, asset in self._assets.items():
                export_asset(asset, path, known.run, self._arguments.export)

    def _print(self, known: OpenRun) -> None:
        """Once: the main thread and the hard exit may both come here."""
        if not self._to_print.acquire(blocking=False):
            return
        items = _in_order(list(known.report.items()), self._arguments.paths)
        status: RunStatus = run_status(item["status"] for item in items)
        seconds = round(time.monotonic() - self._began, 3)
        whole = RunReport(known.run.run_id, self._verb, status, seconds, self._startup_s, self._prefect_url, items)
        if self._arguments.json:
            print(json.dumps(whole.to_dict(), ensure_ascii=False, indent=1))
        elif not self._arguments.quiet:
            print_summary(whole, self._arguments.profile)
        if status in ("partial", "failed"):
            self._view.log_file(known.log)


def _in_order(items: list[dict[str, Any]], paths: list[str]) -> list[dict[str, Any]]:
    """Entries in the order in which the paths were given; they were written as they ended."""
    place = {path: n for n, path in reversed(list(enumerate(paths)))}
    return sorted(items, key=lambda item: place.get(item["path"], len(paths)))
