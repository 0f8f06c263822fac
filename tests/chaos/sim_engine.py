"""What the engine asks of Prefect's tasks, without Prefect: states, futures, and items looked at in their turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flows.engine.items import Item


class SimState:
    """What the engine asks of a state of Prefect's."""

    def __init__(self, data: Any, kind: str = "completed") -> None:
        self._data, self._kind, self.message = data, kind, str(data)

    def is_final(self) -> bool:
        """Whether the task ran."""
        return self._kind != "never"

    def is_crashed(self) -> bool:
        """Whether the worker died; here whole processes do."""
        return False

    def result(self, raise_on_failure: bool = True) -> Any:
        """What the task returned or raised."""
        return self._data


@dataclass(eq=False)
class SimFuture:
    """A task that is to run."""

    state: SimState | None = None
    told: list[Any] = field(default_factory=list)

    def add_done_callback(self, call: Any) -> None:
        """As Prefect's."""
        self.told.append(call)

    def wait(self) -> None:
        """It is done by the time that anybody asks."""

    def end(self, state: SimState) -> None:
        """Notes how it ended, and says so."""
        self.state = state
        for call in self.told:
            call(self)


class SimAhead:
    """`ItemsAhead` without a thread."""

    def __init__(self, items: Iterator[Item], count: int, notify: Any) -> None:
        self._items, self.done = items, False

    def take_some(self, most: int) -> list[Item]:
        """The next items."""
        found: list[Item] = []
        while len(found) < most and not self.done:
            item = next(self._items, None)
            self.done = item is None
            found += [item] if item else []
        return found

    def rest(self) -> Iterator[Item]:
        """All that are left."""
        while item := next(self._items, None):
            yield item
        self.done = True
