"""Items that are looked at ahead of their turn, in a thread: hashing and probing a file keeps no other one waiting."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Iterator

from flows.engine.items import Item


class ItemsAhead:
    """The same items in the same order, at most `count` of them before they are wanted.

    `notify` is called in the thread whenever there is something to take.
    """

    def __init__(self, items: Iterator[Item], count: int, notify: Callable[[], None]) -> None:
        self._items, self._notify = items, notify
        self._found: queue.Queue[Item | BaseException | None] = queue.Queue(maxsize=count)
        self.done = False  #: all have been taken
        context = contextvars.copy_context()  # what is logged belongs to the flow run
        threading.Thread(target=context.run, args=(self._look,), daemon=True).start()

    def _look(self) -> None:
        end: BaseException | None = None
        try:
            for item in self._items:
                self._put(item)
        except BaseException as error:  # noqa: BLE001  # raised where the items are taken
            end = error
        self._put(end)

    def _put(self, found: Item | BaseException | None) -> None:
        self._found.put(found)
        self._notify()

    def take(self, *, wait: bool = False) -> Item | None:
        """Takes the next item; None where there is none yet (with `wait`: none left).

        Raises what identifying raised.
        """
        if self.done:
            return None
        try:
            found = self._found.get(block=wait)
        except queue.Empty:
            return None
        self.done = not isinstance(found, Item)
        if isinstance(found, BaseException):
            raise found
        return found

    def take_some(self, most: int) -> list[Item]:
        """Takes the next items that are there already, up to `most` of them. Raises what identifying raised."""
        found: list[Item] = []
        while len(found) < most and (item := self.take()):
            found.append(item)
        return found

    def rest(self) -> Iterator[Item]:
        """Yields all items that are left, however long identifying them takes."""
        while item := self.take(wait=True):
            yield item
