"""What a command prints for people when it is done, on stdout."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from itertools import islice
from typing import Any

from rich.markup import escape
from rich.table import Table

from flows.commands.console import PlainConsole
from flows.commands.pace import duration
from medley.report import RunReport

_ROWS = 20
_REASONS = 5


def print_summary(report: RunReport, profile: str | None, verb: str | None = None) -> None:
    """Prints a table of items, how long the run took, how much of it was start-up, and three commands to try next."""
    console = PlainConsole()
    console.print(_table(report.items[:_ROWS]))
    if len(report.items) > _ROWS:
        console.print(f"... and {len(report.items) - _ROWS} more: medley status")
    statuses = [item["status"] for item in report.items]
    counts = ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses))
    start = f", {report.startup_s:.1f} s of it to start services" if report.startup_s else ""
    console.print(f"[bold]{counts}[/] in {report.seconds:.1f} s{start}")
    _tell_work(console, report.work)
    _tell_rest(console, statuses)
    done = next((item["path"] for item in report.items if item["status"] in ("complete", "unchanged")), None)
    if done:
        console.print('\nNext:  medley search "what you look for"')
        console.print("       medley status")
        same = f" --profile {profile}" if profile else ""
        console.print(
            f"       medley {verb or report.flow} {escape(shlex.quote(done))}{same} --export DIR", soft_wrap=True
        )


def _tell_work(console: PlainConsole, work: Mapping[str, float] | None) -> None:
    """What `medley plan` would have said, and what it was."""
    if work:
        console.print(f"{duration(work['seconds'])} of work, {duration(work['expected'])} had been expected")


def _tell_rest(console: PlainConsole, statuses: Container[str]) -> None:
    if "pending" in statuses:
        console.print("The budget is used up: the same command goes on from here")
    elif "cancelled" in statuses:
        console.print("The same command goes on from here: finished stages are kept")


def _table(items: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("file", "status", "records", "seconds", "why"):
        table.add_column(name, overflow="fold")
    for item in items:
        records = ", ".join(f"{count} {modality}" for modality, count in item["records"].items())
        error = item["error"]
        why = f"{error['type']} in {error['stage']}" if error else ""
        if item["duplicate_of"]:
            why = why or f"same content as {item['duplicate_of']}"
        table.add_row(escape(item["path"]), item["status"], records, f"{item['seconds']:.1f}", escape(why))
    return table


def print_ingest(whole: dict[str, Any], counts: Mapping[str, int], items: Iterator[dict[str, Any]]) -> None:
    """Prints how many files ended how, and how long the ingest took; stderr has told of each of the files.

    Of those that no pipeline takes, it tells what they are.
    """
    console = PlainConsole()
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "no files"
    start = f", {whole['startup_s']:.1f} s of it to start services" if whole["startup_s"] else ""
    console.print(f"[bold]{told}[/] in {whole['seconds']:.1f} s{start}")
    _tell_work(console, whole["work"])
    _tell_rest(console, counts)
    if "skipped" in counts:
        _tell_skipped(console, items)
    if {"failed", "partial"} & counts.keys():
        console.print("Which and why:  medley status --failed")
    if whole["flow"] == "ingest":
        console.print('Next:  medley search "what you look for"')


def _tell_skipped(console: PlainConsole, items: Iterator[dict[str, Any]]) -> None:
    why, example = Counter[str](), dict[str, str]()
    for item in items:
        if item["status"] == "skipped":
            reason = " ".join(item["notes"]).rpartition(": it is ")[2] or "of no kind that a pipeline takes"
            why[reason] += 1
            example.setdefault(reason, item["path"])
    for reason, count in islice(why.most_common(), _REASONS):
        console.print(f"  {count} skipped: {escape(reason)} ({escape(example[reason])})", soft_wrap=True)
