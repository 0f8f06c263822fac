"""Which files go through the stages together: enough of them for a batch, and no more where few have to share."""

from __future__ import annotations

from flows.engine.batch import BatchItem
from medley.dag.pipeline import Pipeline

_FIRST = 16  # of what is counted; each further batch is twice the one before, until batches are full


class FormingBatch:
    """Items that wait for the rest of their batch."""

    def __init__(self, pipeline: Pipeline, expected: int, window: int) -> None:
        """Of `expected` items `window` batches are in flight at the same time: none of these is to stay empty."""
        self._seconds, self._batch, self._expected = pipeline.batch_s, pipeline.batch, expected
        #: A batch has that many by then: the first ones are small, so that the stages after the first begin early.
        self._now = min(pipeline.batch, _FIRST)
        self.most = pipeline.batch
        self.spread(window)
        #: Looked at before their turn: of an object in a bucket there is a copy by then, and videos are large.
        self.ahead = 1 if self._seconds else self.most
        self.items: list[BatchItem] = []

    def spread(self, window: int) -> None:
        """Notes that there is room for `window` batches now."""
        if self._seconds:
            self.most = max(1, min(self._batch, self._expected // window))

    @property
    def missing(self) -> int:
        """How many items may be taken before it is known whether there is room for another batch."""
        return 1 if self._seconds else self._now - len(self.items)

    def add(self, item: BatchItem) -> list[list[BatchItem]]:
        """Adds an item and returns the batches that are ready now.

        An item that is long enough alone waits for no other item, and no other item waits for it.
        """
        if self._seconds and item.asset.media.duration_s >= self._seconds:
            return [*self.rest(), [item]]
        self.items.append(item)
        length_s = sum(batch_item.asset.media.duration_s for batch_item in self.items)
        wanted = self.most if self._seconds else self._now
        full = len(self.items) >= wanted or (self._seconds and length_s >= self._seconds)
        return self.rest() if full else []

    def rest(self) -> list[list[BatchItem]]:
        """Returns the waiting items as the last batch; no batch where nothing waits."""
        found, self.items = self.items, []
        self._now = min(self.most, 2 * self._now)
        return [found] if found else []
