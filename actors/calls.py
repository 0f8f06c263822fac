"""Calls of a model while they wait, and how they become batches. No Ray, no clock and no thread of its own.

A call is divided into shares, a batch is made of shares of one method: of one call, or of many callers and runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

#: Deaths of a process over one item alone, before that item is given up.
DEATHS = 2


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller asks of a model.

    Attributes:
        run: Whose call: runs take turns.
        items: Of a call that can be divided the first argument: pickled, or where `referred` a list with a reference.
        count: Number of items; 1 where the call cannot be divided.
        rest: The other arguments of the method, pickled: the master knows none of their classes.
        divisible: The method gives one result for each item of its first argument.
        names: Of the items, for errors.

    """

    id: str
    run: str
    method: str
    items: Any
    count: int = 1
    rest: bytes = b""
    divisible: bool = False
    referred: bool = False
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class Share:
    """Items `start` to `stop` of a call."""

    call: Call
    start: int
    stop: int
    since: float  #: when it began to wait, on the clock of whoever asks
    deaths: int = 0
    alone: bool = False  #: in a batch of its own: a batch with others has failed

    @property
    def count(self) -> int:
        """The number of items."""
        return self.stop - self.start

    def cut(self, count: int) -> Share:
        """Takes the first `count` items off as a share of their own."""
        first = Share(self.call, self.start, self.start + count, self.since, self.deaths, self.alone)
        self.start += count
        return first


@dataclass(slots=True)
class Lease:
    """A batch that a replica works on."""

    id: int
    replica: str
    shares: list[Share]
    began: float

    @property
    def count(self) -> int:
        """The number of items."""
        return sum(share.count for share in self.shares)


@dataclass(slots=True)
class _Run:
    """The shares of a run that wait; `served` items are what the run has had, as if it had been there all along."""

    shares: deque[Share] = field(default_factory=deque)
    count: int = 0
    served: float = 0.0


class CallQueue:
    """Shares of calls that wait for a model, by run."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self.count = 0  #: items that wait

    def add(self, share: Share, *, first: bool = False) -> None:
        """Lets a share wait, behind the others of its run or before them."""
        if share.call.run not in self._runs:
            least = min((run.served for run in self._runs.values()), default=0.0)
            self._runs[share.call.run] = _Run(served=least)
        run = self._runs[share.call.run]
        (run.shares.appendleft if first else run.shares.append)(share)
        run.count += share.count
        self.count += share.count

    def waiting(self, run: str) -> int:
        """Returns the number of items of a run that wait."""
        return self._runs[run].count if run in self._runs else 0

    def drop(self, calls: Iterable[str]) -> None:
        """Forgets the shares of calls that nobody waits for, or that have failed."""
        gone = set(calls)
        for run in self._runs.values():
            run.shares = deque(share for share in run.shares if share.call.id not in gone)
            run.count = sum(share.count for share in run.shares)
        self.count = sum(run.count for run in self._runs.values())
        self._tidy()

    def take(self, most: int) -> list[Share]:
        """Takes the shares of the next batch, of `most` items where they can be divided; none where nothing waits.

        The run that has had the least begins, the others fill the batch up in their turn.
        """
        if not self.count:
            return []
        shares = [self._next(self._least(None), most)]
        first = shares[0]
        while first.call.divisible and not first.alone and (room := most - sum(share.count for share in shares)) > 0:
            run = self._least(first)
            if run is None:
                break
            shares.append(self._next(run, room))
        self._tidy()
        return shares

    def full(self, most: int) -> bool:
        """Tells whether the next batch gains nothing by waiting for more calls."""
        run = self._least(None)
        if run is None:
            return False
        head = run.shares[0]
        if not head.call.divisible or head.alone or head.count >= most:
            return True
        alike = (share.count for each in self._runs.values() for share in each.shares if _fits(share, head))
        return any(total >= most for total in accumulate(alike))

    @property
    def suspicious(self) -> bool:
        """Whether the next share is to be in a batch of its own."""
        run = self._least(None)
        return run is not None and run.shares[0].alone

    def oldest(self) -> float:
        """Returns since when the share has waited that is next."""
        run = self._least(None)
        return run.shares[0].since if run else float("inf")

    def _least(self, like: Share | None) -> _Run | None:
        ready = [run for run in self._runs.values() if run.shares and (like is None or _fits(run.shares[0], like))]
        return min(ready, key=lambda run: run.served, default=None)

    def _next(self, run: _Run | None, most: int) -> Share:
        assert run, "something waits"
        head = run.shares[0]
        share = head.cut(most) if head.call.divisible and head.count > most else run.shares.popleft()
        run.served += share.count
        run.count -= share.count
        self.count -= share.count
        return share

    def _tidy(self) -> None:
        self._runs = {name: run for name, run in self._runs.items() if run.shares}


def _fits(share: Share, first: Share) -> bool:
    """Whether both may be in one batch."""
    call, other = share.call, first.call
    return call.divisible and not share.alone and (call.method, call.rest) == (other.method, other.rest)


def after_death(lease: Lease) -> tuple[list[Share], list[Share]]:
    """Returns what of a batch is to be tried again whose process died, and what is given up: an item alone, twice."""
    if len(lease.shares) > 1:
        for share in lease.shares:
            share.alone = True
        return lease.shares, []
    (share,) = lease.shares
    share.alone = True
    if share.count == 1:
        share.deaths += 1
        return ([], [share]) if share.deaths >= DEATHS else ([share], [])
    return [share.cut(share.count // 2), share], []
