"""`medley status`: what is known of runs and files. Reads the catalog, starts nothing."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any

from rich.table import Table

from flows.commands.console import PlainConsole, print_json
from medley.catalog import Catalog, open_catalog
from medley.catalog.views import status_items, status_runs, status_totals
from medley.settings import Settings, load_settings
from medley.upkeep import size_of

_RUNS_SHOWN = 20
_EVERY_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley status`."""
    parser.add_argument("--failed", action="store_true", help="only items that are not complete, with the reason")
    parser.add_argument("--limit", type=int, metavar="N", help="files at most, the newest first")
    parser.add_argument("--watch", action="store_true", help="show it anew every two seconds, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="the answer as JSON on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Prints what is known."""
    settings = load_settings()
    catalog = open_catalog(settings)
    while True:
        catalog.crash_dead_runs()
        known = _known(catalog, settings, arguments)
        if arguments.json:
            print_json(known)
        else:
            if arguments.watch and sys.stdout.isatty():
                print("\x1b[H\x1b[2J", end="")
            show(known)
        if not arguments.watch:
            return 0
        sys.stdout.flush()
        time.sleep(_EVERY_S)


def _known(catalog: Catalog, settings: Settings, arguments: argparse.Namespace) -> dict[str, Any]:
    items = status_items(catalog.engine, failed_only=arguments.failed)
    if arguments.limit is not None:
        items = sorted(items, key=lambda item: item["updated"], reverse=True)[: max(0, arguments.limit)]
    return {
        "totals": status_totals(catalog.engine),
        "runs": status_runs(catalog.engine, _RUNS_SHOWN),
        "disk": _sizes(settings),
        "items": items,
    }


def _sizes(settings: Settings) -> dict[str, int]:
    """Bytes on this machine's disk, by what they are for."""
    parts = {"artifacts": settings.artifact_root, "store": settings.home / "milvus", "runs": settings.home / "runs"}
    catalog = sum(path.stat().st_size for path in settings.home.glob("catalog.db*"))
    return {"catalog": catalog, **{name: size_of(directory) for name, directory in parts.items()}}


def show(known: dict[str, Any]) -> None:
    """Tables for people, on stdout."""
    console = PlainConsole()
    console.print(", ".join(f"{count} {name}" for name, count in known["totals"].items()))
    console.print("on disk: " + ", ".join(f"{size / 1e6:.1f} MB {name}" for name, size in known["disk"].items()))
    runs = _table("run", "flow", "status", "profile", "started", "items")
    for run in known["runs"]:
        counts = ", ".join(f"{count} {status}" for status, count in run["counts"].items())
        runs.add_row(run["run_id"][:8], run["flow"], run["status"], run["profile"], run["started"][:19], counts)
    if runs.row_count:
        console.print()
        console.print(runs)
    if known["items"]:
        console.print()
    for item in known["items"]:
        for line in _lines(item):
            console.print(line, soft_wrap=True, markup=False)


def _lines(item: dict[str, Any]) -> Iterator[str]:
    """The file, and below it why it is not complete: a line for each reason, however long."""
    tried = f"  ({item['attempts']} attempts)" if item["attempts"] > 1 else ""
    yield f"{item['status']:11} {item['updated'][:19]}  {item['path']}{tried}"
    for error in item["errors"]:
        yield f"{'':12}{error['type']} in {error['stage']}: {error['message'].removeprefix(item['path'] + ': ')}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
