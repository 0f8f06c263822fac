"""Who is told how far a run is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from medley.report import ItemReport


class Progress(Protocol):
    """Told of every step. `running`: by batch in flight, the stages that run now."""

    running: dict[str, Sequence[str]]

    def starting(self, what: str) -> None:
        """Something is being waited for before the first item can begin."""
        ...

    def ended(self, item: ItemReport) -> None:
        """An item is done."""
        ...

    log: Callable[[str], None] | None  #: where the lines of the run's log go as well, if anywhere


class Silent:
    """For deployed runs: Prefect's UI shows them."""

    log: Callable[[str], None] | None = None

    def __init__(self) -> None:
        self.running: dict[str, Sequence[str]] = {}

    def starting(self, what: str) -> None:
        """See `Progress`."""

    def ended(self, item: ItemReport) -> None:
        """See `Progress`."""
