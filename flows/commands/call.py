"""What the commands that start runs share: their flags, their clock, their services, and one answer at the end."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from flows.commands.flags import add_option_flags
from flows.commands.terminal import Terminal
from flows.engine.run import RunContext
from flows.services import signals
from flows.services.environment import prepare_environment
from flows.services.shared import leave_all
from medley.budget import Budget, budget_of
from medley.catalog import Catalog
from medley.catalog.views import seconds_of_items
from medley.errors import SetupError
from medley.export import export_asset
from medley.pricing import Prices
from medley.settings import Settings, load_settings

_RUNS_COMPARED = 20


def add_run_arguments(parser: argparse.ArgumentParser, options: type[BaseModel]) -> None:
    """Adds the flags that all verbs that start runs have in common."""
    parser.add_argument("--runner", choices=("ray", "local"), help="ray (default), or threads of this process")
    parser.add_argument("--force", action="store_true", help="do everything again, whatever is known of these files")
    parser.add_argument("--verify", action="store_true", help="read every file, also where nothing seems changed")
    parser.add_argument(
        "--budget",
        metavar="10m|2GB|100000tokens",
        type=_budget,
        default=Budget(),
        help="time, size or tokens after which no file is begun",
    )
    parser.add_argument("--export", metavar="DIR", type=Path, help="write JSON, SRT and WebVTT files there")
    parser.add_argument("--json", action="store_true", help="the report as JSON on stdout")
    told = parser.add_mutually_exclusive_group()
    told.add_argument("-v", "--verbose", action="store_true", help="the run's log on stderr, too")
    told.add_argument("-q", "--quiet", action="store_true", help="say only what went wrong")
    add_option_flags(parser, options)


def _budget(text: str) -> Budget:
    try:
        return budget_of(text)
    except SetupError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def prepared(arguments: argparse.Namespace) -> Settings:
    """Returns the settings with what the flags of a run say of them, and makes the environment for these settings."""
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


def export_all(run_context: RunContext, directory: Path) -> int:
    """Exports every asset that the run has seen; how many that were."""
    for path, asset in run_context.assets.items():
        export_asset(asset, path, run_context.run, directory)
    return len(run_context.assets)


class Call:
    """One call of a verb."""

    def __init__(self, arguments: argparse.Namespace, settings: Settings, *, brief: bool = False) -> None:
        self._arguments = arguments
        self._settings = settings
        plain = settings.progress == "plain"
        self._view = Terminal(verbose=arguments.verbose, quiet=arguments.quiet, brief=brief, plain=plain)
        self._to_tell = threading.Lock()
        self._began = time.monotonic()
        self.startup_s = 0.0
        self.told_exports = 0
        self.prefect_url: str | None = None

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return round(time.monotonic() - self._began, 3)

    @contextmanager
    def services(
        self,
        catalog: Catalog,
        connect_store: Callable[[], object],
        flow_runs: Callable[[], Mapping[str, tuple[int, int]]],
        on_ray_up: Callable[[], object],
        flow: str | None = None,
    ) -> Iterator[Any]:
        """Starts services for the block, as `flows.services.start.started` does, and yields the task runner."""
        from flows.services.start import started

        begin = time.monotonic()
        say = self._view.starting
        with started(self._settings, catalog, connect_store, flow_runs, on_ray_up, say) as (runner, self.prefect_url):
            self.startup_s = round(time.monotonic() - begin, 3)
            say("starting the first item")
            self._view.pace.begin(time.monotonic(), seconds_of_items(catalog.engine, flow))
            yield runner

    def work_of(self, catalog: Catalog, run_ids: list[str]) -> dict[str, float] | None:
        """Returns what the stages of those runs took and what was expected; None where nothing had been known."""
        last = run_ids[-_RUNS_COMPARED:]
        found = Prices(catalog.engine, without=last).work_of(last) if last else None
        return asdict(found) if found and found.expected else None

    def first_to_tell(self) -> bool:
        """Returns True once: the main thread and the hard exit may both come to print the answer."""
        return self._to_tell.acquire(blocking=False)

    def end_hard(self) -> None:
        """Ends everything that this command has started, and then the process itself.

        Called where the work did not end within the grace period, after the answer is printed.
        """
        sys.stdout.flush()  # before Ray is killed: the main thread may end over that
        if "flows.services.ray_start" in sys.modules:
            sys.modules["flows.services.ray_start"].kill_private_cluster()
        leave_all()
        os._exit(signals.exit_code() or 1)
