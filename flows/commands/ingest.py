"""`medley ingest SOURCE...`: folders, patterns, lists and buckets, each file to the flow of its kind."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from itertools import chain
from typing import Any

from flows.commands.call import Call, add_run_arguments, export_all, prepared
from flows.commands.console import print_error, print_note
from flows.commands.flags import add_pipeline_flag, read_option_flags
from flows.commands.summary import print_ingest
from flows.engine.parent import Parent, open_parent
from flows.engine.pruning import prune
from flows.engine.replaced import retire_replaced
from flows.engine.routing import ChildJob, batches, files_of, one_pipeline
from flows.services import signals
from flows.services.shared import vector_store
from medley.catalog.views import failed_paths
from medley.dag.pipeline import Pipeline
from medley.dag.registry import pipeline_named
from medley.errors import Cancelled
from medley.options import IngestOptions
from medley.plain import portable_name, to_json
from medley.report import exit_code
from medley.sources.urls import is_url, without_password
from medley.system.stop import STOP


def add_retry_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley retry`."""
    parser.add_argument("--failed", action="store_true", required=True, help="all that is not complete")
    add_run_arguments(parser, IngestOptions)
    parser.set_defaults(sources=[], prune=False, chosen=None)


def add_arguments(parser: argparse.ArgumentParser, pipeline: Pipeline | None = None) -> None:
    """Adds the flags of `medley ingest`: with a pipeline, those of the pipeline's options."""
    add_pipeline_flag(parser, pipeline)
    parser.add_argument(
        "sources",
        nargs="+",
        type=without_password,
        metavar="SOURCE",
        help="folders, files, patterns, lists of files, s3://bucket/prefix",
    )
    parser.add_argument("--prune", action="store_true", help="take out of the index what is gone from those folders")
    add_run_arguments(parser, pipeline.options if pipeline else IngestOptions)


def run(arguments: argparse.Namespace) -> int:
    """Works on the files and prints the report; returns the exit status."""
    return Ingest(arguments, prepared(arguments), brief=True).run()


class Ingest(Call):
    """One call of the verb, or of one that is like it."""

    verb = "ingest"

    @property
    def retries(self) -> bool:
        """Whether what has failed by its own fault is tried again: `medley retry`, which names no files."""
        return not self._arguments.sources

    def run(self) -> int:
        """Works on the files, each in the flow of its kind; prints the report and returns the exit status."""
        arguments, pipeline = self._arguments, self._arguments.chosen
        options = read_option_flags(arguments, pipeline.options if pipeline else IngestOptions)
        opened = open_parent(
            self.verb,
            options,
            self._settings,
            force=arguments.force,
            verify=arguments.verify,
            retry_failed=self.retries,
            view=self._view,
        )
        with (
            self._view,
            signals.stop_on_signals(),
            opened as parent,
            signals.hard_exit(self._settings.stop_grace_s, lambda: self._leave_hard(parent)),
        ):
            threading.Thread(target=self._count, daemon=True).start()
            parent.batches, parent.budget = self.batches(parent), arguments.budget
            if arguments.export:
                parent.on_child = lambda run_context: self._count_exports(export_all(run_context, arguments.export))
            self._work(parent)
        self._print(parent)
        return signals.exit_code() or exit_code(parent.status)

    def _count(self) -> None:
        """Beside the work: how many files there are in all. Buckets are not listed twice for it."""
        sources = self._arguments.sources
        if sources and not any(map(is_url, sources)):
            self._view.pace.total = sum(1 for _ in files_of(sources, lambda source, error: None))

    def _count_exports(self, count: int) -> None:
        self.told_exports += count

    def batches(self, parent: Parent) -> Iterator[ChildJob]:
        """Yields the files, in the batches of their pipelines."""
        routes = self._settings.routes
        if self._arguments.sources:
            files = files_of(self._arguments.sources, parent.refuse)
            if self._arguments.chosen:
                return one_pipeline(files, self._arguments.chosen)
            return batches(files, routes)
        return chain(
            *(
                one_pipeline(paths, pipeline_named(flow)) if flow else batches(paths, routes, otherwise="video")
                for flow, paths in failed_paths(parent.catalog.engine).items()
            )
        )

    def _work(self, parent: Parent) -> None:
        if parent.anything_to_do():
            assert parent.opened
            parent.opened.check_machine()  # raises before any item is touched
            self._run_flow(parent)
        else:
            if self._arguments.prune:
                prune(self._arguments.sources, parent)
            retire_replaced(parent.catalog, parent.settings, parent.run_id)  # as `RunContext.enter_known` does

    def _run_flow(self, parent: Parent) -> None:
        from flows.engine.parent_flow import ingest_flow
        from flows.services.start import error_of

        with ExitStack() as store:
            connect = lambda: store.enter_context(vector_store(self._settings))  # noqa: E731  # when it is its turn
            error = None
            with (
                suppress(Cancelled),  # while services were being started
                self.services(parent.catalog, connect, lambda: parent.flow_runs, parent.on_ray_up) as runner,
            ):
                flow: Any = ingest_flow(parent).with_options(task_runner=runner)
                sources, arguments = [*map(portable_name, self._arguments.sources)], self._arguments
                error = error_of(partial(flow, sources, parent.options, arguments.force, arguments.prune))
        if error is not None and not (parent.finished or STOP.is_set()):
            parent.give_up(error)
        parent.close(None)

    def _leave_hard(self, parent: Parent) -> None:
        parent.abandon()
        self._print(parent)
        self.end_hard()

    def _print(self, parent: Parent) -> None:
        if not self.first_to_tell():
            return
        whole = {
            "run_id": parent.run_id,
            "flow": self.verb,
            "status": parent.status,
            "seconds": self.seconds,
            "startup_s": self.startup_s,
            "prefect_url": self.prefect_url,
            "work": self.work_of(parent.catalog, parent.children),
        }
        if self._arguments.json:
            sys.stdout.writelines(_as_json(whole, parent.report.items()))
        elif not self._arguments.quiet:
            print_ingest(whole, parent.report.counts, parent.report.items())
        if self.told_exports:
            print_note(f"exported {self.told_exports} files to {self._arguments.export.absolute()}")
        if parent.lost:
            print_error(parent.lost)


def _as_json(whole: dict[str, Any], items: Iterator[dict[str, Any]]) -> Iterator[str]:
    """As `json.dumps` would, item by item: a report of a hundred thousand files is not held in memory."""
    yield to_json(whole, indent=1).removesuffix("\n}") + ',\n "items": ['
    between = "\n"
    for item in items:
        yield between + to_json(item)
        between = ",\n"
    yield "]\n}\n"
