"""What people see while a run goes on, on stderr: how far it is, each item with its stage, a line when it has ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

from flows.commands.console import PlainConsole
from flows.commands.pace import Pace
from medley.report import ItemReport

_PLAIN_EVERY_S = 10.0
_COLOURS = {
    "complete": "green",
    "unchanged": "green",
    "skipped": "dim",
    "partial": "yellow",
    "cancelled": "yellow",
    "pending": "dim",
}


class Terminal:
    """A live display on a terminal; lines of ended items where stderr is none, and with `plain` of how far it is."""

    def __init__(self, *, verbose: bool = False, quiet: bool = False, brief: bool = False, plain: bool = False) -> None:
        self.console = PlainConsole(stderr=True)
        self.log: Callable[[str], None] | None = self._show if verbose else None
        self._quiet = quiet
        self._brief = brief  # no line for a file with which nothing has been done
        self.running: dict[str, Sequence[str]] = {}
        self.pace = Pace()
        self._plain = plain
        self._lock = threading.Lock()
        self._told_at = time.monotonic()
        self._waiting_for = ""
        self._live = Live(console=self.console, transient=True, refresh_per_second=8, get_renderable=self._render)

    def __enter__(self) -> Terminal:
        if self.console.is_terminal and not (self._plain or self._quiet):
            self._live.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._live.stop()

    def starting(self, what: str) -> None:
        """Shows what is being waited for before the first item can begin."""
        if self._plain and not self._quiet and what and what != self._waiting_for:
            self.console.print(what, markup=False, soft_wrap=True)
        self._waiting_for = what

    def ended(self, item: ItemReport) -> None:
        """Counts an item that is done and prints its line; a quiet or brief view leaves out some without errors."""
        with self._lock:  # runs overlap
            self._waiting_for = ""
            attached = len(item.attached) if self._brief else 0  # other commands leave those alone
            self.pace.ended(time.monotonic(), worked=bool(item.stages), attached=attached)
            if item.errors or not (self._quiet or (self._brief and not item.stages)):
                self._print(item)
            self._tell_pace()

    def _tell_pace(self) -> None:
        """In a log, now and then."""
        now = time.monotonic()
        if self._plain and not self._quiet and now - self._told_at >= _PLAIN_EVERY_S:
            self._told_at = now
            self.console.print(self.pace.line(now), markup=False, soft_wrap=True)

    def _print(self, item: ItemReport) -> None:
        colour = _COLOURS.get(item.status, "red")
        self.console.print(
            f"[{colour}]{item.status:>9}[/]  {escape(item.path)}  [dim]{_summary(item)}[/]", soft_wrap=True
        )
        for note in item.notes if item.stages or item.status == "skipped" else ():
            self.console.print(f"           [dim]{escape(note)}[/]", soft_wrap=True)
        for error in item.errors:
            told = f"[red]{error['type']}[/] in {error['stage']}: {escape(error['message'])}"
            self.console.print(f"           {told}", soft_wrap=True)

    def log_file(self, path: Path) -> None:
        """Prints the path of the log, in which more is to be read of what went wrong."""
        self.console.print(f"Log: {path}", markup=False, soft_wrap=True)

    def _show(self, line: str) -> None:
        self.console.print(line, style="dim", markup=False, soft_wrap=True)

    def _render(self) -> Table:
        table = Table.grid(padding=(0, 1))
        running = list(self.running.items())  # the engine goes on meanwhile
        if self.pace.total != 1 and running:
            table.add_row("", self.pace.line(time.monotonic()), "")
        for name, stages in running:
            table.add_row(Spinner("dots"), escape(name), f"[dim]{' + '.join(stages)}[/]")
        if self._waiting_for and not running:
            table.add_row(Spinner("dots"), "", f"[dim]{self._waiting_for}[/]")
        return table


def _summary(item: ItemReport) -> str:
    records = ", ".join(f"{count} {modality}" for modality, count in item.records.items())
    seconds = f"{item.seconds:.1f} s" if item.seconds else ""
    same = f"same content as {escape(item.duplicate_of)}" if item.duplicate_of else ""
    return " · ".join(part for part in (records, seconds, same) if part)
