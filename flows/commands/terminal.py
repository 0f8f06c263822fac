"""What people see while a run goes on: one line for each item with its stage, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

from flows.commands.console import PlainConsole
from medley.report import ItemReport

_COLOURS = {
    "complete": "green",
    "unchanged": "green",
    "skipped": "dim",
    "partial": "yellow",
    "cancelled": "yellow",
}


class Terminal:
    """A live display on a terminal; one plain line for each ended item where stderr is none."""

    def __init__(self, *, verbose: bool = False, quiet: bool = False, brief: bool = False) -> None:
        self.console = PlainConsole(stderr=True)
        self.log: Callable[[str], None] | None = self._show if verbose else None
        self._quiet = quiet
        self._brief = brief  # no line for a file with which nothing has been done
        self.running: dict[str, Sequence[str]] = {}
        self._waiting_for = ""
        self._live = Live(console=self.console, transient=True, refresh_per_second=8, get_renderable=self._render)

    def __enter__(self) -> Terminal:
        if self.console.is_terminal and not self._quiet:
            self._live.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._live.stop()

    def starting(self, what: str) -> None:
        """See `Progress`."""
        self._waiting_for = what

    def ended(self, item: ItemReport) -> None:
        """See `Progress`."""
        self._waiting_for = ""
        if not item.errors and (self._quiet or (self._brief and not item.stages)):
            return
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
        """Where more is to be read of what went wrong."""
        self.console.print(f"Log: {path}", markup=False, soft_wrap=True)

    def _show(self, line: str) -> None:
        self.console.print(line, style="dim", markup=False, soft_wrap=True)

    def _render(self) -> Table:
        table = Table.grid(padding=(0, 1))
        running = list(self.running.items())  # the engine goes on meanwhile
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
