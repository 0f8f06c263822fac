"""`medley ingest SOURCE...`: folders, patterns, lists and buckets, each file to the flow of its kind."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

from flows import _signals
from flows._command import add_run_arguments, prepared
from flows._flags import read_option_flags
from flows._parent import CHILD_ITEMS, Batch, Parent, open_parent
from flows._routing import batches, batches_of, prune
from flows._services import leave_all, vector_store
from flows._summary import print_ingest
from flows._view import Terminal
from medley.catalog.views import status_items
from medley.errors import SetupError
from medley.options import IngestOptions
from medley.report import RunStatus, exit_code, run_status
from medley.settings import Settings
from medley.stop import stop_requested


def add_retry_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `retry`."""
    parser.add_argument("--failed", action="store_true", required=True, help="all that is not complete")
    add_run_arguments(parser, IngestOptions)
    parser.set_defaults(sources=[], prune=False)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this verb."""
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="folders, files, patterns, lists of files, s3://bucket/prefix"
    )
    parser.add_argument("--prune", action="store_true", help="take out of the index what is gone from those folders")
    add_run_arguments(parser, IngestOptions)


def run(arguments: argparse.Namespace) -> int:
    """Works on the files and prints the report; returns the exit status."""
    if arguments.export:
        raise SetupError("ingest does not export", remedy="Use medley video|pdf|image FILE --export DIR")
    options = read_option_flags(arguments, IngestOptions)
    return _Ingest(arguments, options, prepared(arguments)).run()


class _Ingest:
    """One call of the verb."""

    def __init__(self, arguments: argparse.Namespace, options: IngestOptions, settings: Settings) -> None:
        self._arguments, self._options, self._settings = arguments, options, settings
        self._began = time.monotonic()
        self._startup_s = 0.0
        self._prefect_url: str | None = None
        self._printed = False
        self._view = Terminal(verbose=arguments.verbose, quiet=arguments.quiet)

    def run(self) -> int:
        """See the module."""
        opened = open_parent(
            "ingest",
            self._options,
            self._settings,
            force=self._arguments.force,
            verify=self._arguments.verify,
            view=self._view,
        )
        grace_s = self._settings.stop_grace_s
        with (
            self._view,
            _signals.stop_on_signals(),
            opened as parent,
            _signals.hard_exit(grace_s, lambda: self._leave_hard(parent)),
        ):
            parent.batches = self._batches(parent)
            self._work(parent)
        self._print(parent)
        return _signals.exit_code() or exit_code(self._status(parent))

    def _batches(self, parent: Parent) -> Iterator[Batch]:
        if self._arguments.sources:
            return batches_of(self._arguments.sources, parent.report)
        parent.again = True
        items = status_items(parent.catalog.engine, failed_only=True)
        return batches((item["path"] for item in items), CHILD_ITEMS, otherwise="video")

    def _work(self, parent: Parent) -> None:
        if parent.anything_to_do():
            assert parent.opened
            parent.opened.check_machine()  # raises before any item is touched
            self._run_flow(parent)
        elif self._arguments.prune:
            prune(self._arguments.sources, parent)

    def _run_flow(self, parent: Parent) -> None:
        from flows._start import error_of, started
        from flows.ingest import ingest_sources

        begin = time.monotonic()
        self._view.starting("starting services")
        with ExitStack() as store:
            services = started(
                self._settings,
                parent.catalog,
                lambda: store.enter_context(vector_store(self._settings)),
                lambda: parent.flow_runs,
            )
            with services as (runner, url):
                self._prefect_url = url
                self._startup_s = round(time.monotonic() - begin, 3)
                flow: Any = ingest_sources.with_options(task_runner=runner)
                sources, arguments = self._arguments.sources, self._arguments
                error = error_of(partial(flow, sources, self._options, arguments.force, arguments.prune))
        if parent.opened:
            parent.opened.enter_missing(parent.opened.paths, error)
        if isinstance(error, Exception) and not parent.report.counts:
            raise error

    def _leave_hard(self, parent: Parent) -> None:
        """The work did not end within the grace period: write what is known, end what we started, and go."""
        parent.abandon()
        self._print(parent)
        sys.stdout.flush()
        if "flows._runner" in sys.modules:
            sys.modules["flows._runner"].kill_private_cluster()
        leave_all()
        os._exit(_signals.exit_code() or 1)

    def _status(self, parent: Parent) -> RunStatus:
        return "cancelled" if stop_requested() else run_status(parent.report.counts.elements())

    def _print(self, parent: Parent) -> None:
        if self._printed:
            return
        self._printed = True
        whole = {
            "run_id": parent.run_id,
            "flow": "ingest",
            "status": self._status(parent),
            "seconds": round(time.monotonic() - self._began, 3),
            "startup_s": self._startup_s,
            "prefect_url": self._prefect_url,
        }
        if self._arguments.json:
            sys.stdout.writelines(_as_json(whole, parent.report.items()))
        elif not self._arguments.quiet:
            print_ingest(whole, parent.report.counts)


def _as_json(whole: dict[str, Any], items: Iterator[dict[str, Any]]) -> Iterator[str]:
    """As `json.dumps` would, item by item: a report of a hundred thousand files is not held in memory."""
    yield json.dumps(whole, ensure_ascii=False, indent=1).removesuffix("\n}") + ',\n "items": ['
    between = "\n"
    for item in items:
        yield between + json.dumps(item, ensure_ascii=False)
        between = ",\n"
    yield "]\n}\n"
