"""Who is told how far a run is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from medley.report import ItemReport


class Progress(Protocol):
    """Told of every step. `running`: by batch in flight, the stages that run now."""

    running: dict[str, Sequence[str]]

    def starting(self, what: str) -> None:
        """Takes note of what the run waits for before its first item can begin."""
        ...

    def ended(self, item: ItemReport) -> None:
        """Takes note of an item that has ended."""
        ...

    log: Callable[[str], None] | None  #: where the lines of the run's log go as well, if anywhere


class Silent:
    """For deployed runs: Prefect's UI shows them."""

    log: Callable[[str], None] | None = None

    def __init__(self) -> None:
        self.running: dict[str, Sequence[str]] = {}

    def starting(self, what: str) -> None:
        """Does nothing with what the run waits for."""

    def ended(self, item: ItemReport) -> None:
        """Does nothing with an item that has ended."""
