"""What the master of a model knows of its calls: which wait, which are at work and where, and how each of them ends.

Like `calls`, without Ray, threads or a clock: the simulation in the tests drives the same code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from actors.calls import Call, CallQueue, Lease, Share, after_death
from medley.errors import ModelTimeout, OutOfMemory, Quarantined

_FILL_S = 0.005  #: how long a batch that is not full waits for more calls
_SHORT_S = 0.25  #: batches that are shorter are handed out while the replica still works on the one before
_PATIENCE = 50  #: good batches at the limit before the limit grows again
_SMOOTH = 0.2  #: weight of the last batch in the mean


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a batch ended: a result for each of its shares, or an error, pickled as in `replica`; `said`: its words."""

    results: list[Any] = field(default_factory=list)
    error: Any = None
    said: str = ""
    out_of_memory: bool = False
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended: the results of its parts in order, or an error; and what there is to say about the call."""

    parts: list[Any] = field(default_factory=list)
    error: Any = None
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Open:
    """A call without an answer yet."""

    call: Call
    answer: Callable[[Answer], None]
    parts: dict[int, Any] = field(default_factory=dict)
    missing: int = 0
    notes: list[str] = field(default_factory=list)


class Dispatcher:
    """Calls of one model, from the asking to the answer."""

    def __init__(self, what: str, batch: int, first_id: int = 1) -> None:
        self.what = what  #: the model, for errors
        self.batch = batch  #: items of a batch at most
        self.limit = batch  #: and at most that many since the model ran out of memory
        self.queue = CallQueue()
        self.leases: dict[int, Lease] = {}
        self.counts: Counter[str] = Counter()  #: batches, items, deaths, out_of_memory, quarantined
        self.item_s: dict[str, float] = {}  #: mean seconds of an item, by method
        self.batch_s = 0.0  #: mean seconds of a batch
        self._open: dict[str, _Open] = {}
        self._ids = count(first_id)
        self._good = 0

    def learn(self, batch: int, limit: int) -> None:
        """Enters what a replica says: items of a batch at most, and since it ran out of memory (0: it has not)."""
        self.batch = batch
        self.limit = min(self.limit, limit or batch, batch)

    def accept(self, call: Call, answer: Callable[[Answer], None], now: float) -> None:
        """Takes a call on; `answer` is called once, with the call's answer."""
        self._open[call.id] = _Open(call, answer, missing=call.count)
        self.queue.add(Share(call, 0, call.count, now))

    def withdraw(self, call_id: str) -> None:
        """Forgets a call that nobody waits for any more."""
        self._open.pop(call_id, None)
        self.queue.drop([call_id])

    def lease(self, replica: str, now: float, *, others_idle: bool = False) -> Lease | None:
        """Gives a replica its next batch; None where nothing waits, or where waiting serves the calls better.

        A replica that still works gets the next batch only where batches are short and no other replica is free.
        """
        held = [lease for lease in self.leases.values() if lease.replica == replica]
        if held and (others_idle or not self._may_be_ahead(held)):
            return None
        if not self.queue.full(self.limit) and now < self.queue.oldest() + _FILL_S:
            return None
        shares = self.queue.take(self.limit)
        if not shares:
            return None
        lease = Lease(next(self._ids), replica, shares, now)
        self.leases[lease.id] = lease
        return lease

    def _may_be_ahead(self, held: list[Lease]) -> bool:
        """Whether a replica may have one more batch; suspects are alone, or nobody would know which one has killed."""
        short = 0 < self.batch_s < _SHORT_S
        return len(held) == 1 and short and not held[0].shares[0].alone and not self.queue.suspicious

    def fill_s(self, now: float) -> float | None:
        """Returns the seconds until a batch that is not full is handed out as it is; None where nothing waits."""
        return max(0.0, self.queue.oldest() + _FILL_S - now) if self.queue.count else None

    def finish(self, lease_id: int, outcome: Outcome) -> None:
        """Enters how a batch ended. A batch that another replica has been given meanwhile is counted once."""
        lease = self.leases.pop(lease_id, None)
        if lease is None:
            return
        if outcome.out_of_memory:
            self._out_of_memory(lease, outcome)
        elif outcome.error is not None:
            self._failed(lease, outcome)
        else:
            self._done(lease, outcome)

    def lost(self, replica: str, *, blameless: bool) -> None:
        """Enters that the process of a replica has died; `blameless`: of a cause that is no fault of what it did.

        With two batches nobody knows which one was at work: the end of the first may not have been heard of.
        """
        held = sorted((lease for lease in self.leases.values() if lease.replica == replica), key=lambda lease: lease.id)
        self.counts["deaths"] += bool(held) and not blameless
        for lease in reversed(held):
            del self.leases[lease.id]
            if blameless or len(held) > 1:
                for share in lease.shares:
                    share.alone |= not blameless
                self._again(lease.shares)
                continue
            again, given_up = after_death(lease)
            self._again(again)
            for share in given_up:
                self.counts["quarantined"] += 1
                self._fail(share.call, self._quarantined(share), ())

    def expired(self, lease: Lease, timeout_s: float) -> None:
        """Enters that a batch has taken too long and its process has been ended.

        The calls of a batch of many are tried again alone; the one that takes too long alone fails, and may be retried.
        """
        self.leases.pop(lease.id, None)
        if len(lease.shares) > 1:
            for share in lease.shares:
                share.alone = True
            self._again(lease.shares)
            return
        remedy = "Raise MEDLEY_POOLS__CALL_TIMEOUT_S, use a faster model, or give the cluster more room"
        why = f"the {self.what} has not answered for {timeout_s:g} s"
        self._fail(lease.shares[0].call, ModelTimeout(why, remedy=remedy), ())

    def refuse(self, error: Any) -> None:
        """Answers all waiting calls with an error: there is no process to run them, and there will be none."""
        for open_ in list(self._open.values()):
            self._fail(open_.call, error, ())

    def queued_s(self) -> float:
        """Returns the seconds that one replica needs for what waits, as far as that is known."""
        return self.queue.count * (max(self.item_s.values(), default=0.0))

    @property
    def open_calls(self) -> int:
        """The number of calls without an answer."""
        return len(self._open)

    def _again(self, shares: list[Share]) -> None:
        for share in reversed(shares):
            if share.call.id in self._open:
                self.queue.add(share, first=True)

    def _done(self, lease: Lease, outcome: Outcome) -> None:
        self.counts.update(batches=1, items=lease.count)
        method, each = lease.shares[0].call.method, outcome.seconds / max(1, lease.count)
        known = self.item_s.get(method)
        self.item_s[method] = each if known is None else known + _SMOOTH * (each - known)
        self.batch_s = self.batch_s + _SMOOTH * (outcome.seconds - self.batch_s) if self.batch_s else outcome.seconds
        self._grow(lease)
        for share, result in zip(lease.shares, outcome.results, strict=True):
            open_ = self._open.get(share.call.id)
            if open_ is None:
                continue
            open_.parts[share.start] = result
            open_.missing -= share.count
            open_.notes += outcome.notes
            if not open_.missing:
                del self._open[share.call.id]
                parts = [open_.parts[start] for start in sorted(open_.parts)]
                open_.answer(Answer(parts, notes=tuple(dict.fromkeys(open_.notes))))

    def _failed(self, lease: Lease, outcome: Outcome) -> None:
        if len(lease.shares) > 1:  # one of them may be at fault: the others are not to suffer
            for share in lease.shares:
                share.alone = True
            self._again(lease.shares)
            return
        self._fail(lease.shares[0].call, outcome.error, outcome.notes)

    def _out_of_memory(self, lease: Lease, outcome: Outcome) -> None:
        self.counts["out_of_memory"] += 1
        self._good = 0
        if lease.count == 1:
            error = OutOfMemory(
                f"the {self.what} runs out of memory over one item: {outcome.said}",
                remedy="Use a smaller model, or give the model more of the GPU (docs/settings.md, pools)",
            )
            self._fail(lease.shares[0].call, error, outcome.notes)
            return
        self.limit = max(1, min(self.limit, lease.count // 2))
        self._again(lease.shares)

    def _grow(self, lease: Lease) -> None:
        """After many good batches as large as allowed, a little larger ones are tried."""
        if self.limit >= self.batch or lease.count < self.limit:
            return
        self._good += 1
        if self._good >= _PATIENCE:
            self._good = 0
            self.limit = min(self.batch, self.limit + max(1, self.limit // 8))

    def _fail(self, call: Call, error: Any, notes: tuple[str, ...]) -> None:
        open_ = self._open.pop(call.id, None)
        self.queue.drop([call.id])
        if open_:
            open_.answer(Answer(error=error, notes=notes))

    def _quarantined(self, share: Share) -> Quarantined:
        call = share.call
        named = f": {call.names[share.start]}" if call.names else ""
        which = f"item {share.start + 1} of {call.count}" if call.count > 1 else "this call"
        return Quarantined(
            f"the process of the {self.what} died twice over {which} alone{named}",
            remedy="See the logs; try the file alone with --force",
        )
