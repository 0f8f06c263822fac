"""The world of the simulation: processes that take turns as a seed says, a clock that is set now and then, a store."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from greenlet import getcurrent, greenlet

from medley.errors import StoreUnavailable, TransientError
from medley.models.base import ModelSpec, Vectors
from medley.stores.base import Collection, RecordBatch, Space, StoredRecord, record_id
from medley.system.points import reach
from medley.types import Branch
from tests.fakes import FakeStore, vector_of

_SET_CLOCK = 0.005  # at each turn


@dataclass(eq=False)
class Process:
    """A process: its threads take turns with those of others. A dead one is never resumed: nothing of it goes on."""

    pid: int
    host: str
    threads: list[greenlet] = field(default_factory=list)
    alive: bool = True

    @property
    def runnable(self) -> list[greenlet]:
        """Threads that have not ended."""
        self.threads = [thread for thread in self.threads if not thread.dead]
        return self.threads


class World:
    """Everything that a seed decides. `faults` off: nothing breaks any more."""

    def __init__(self, seed: int) -> None:
        self.rng, self.clock, self.faults, self.kills = random.Random(seed), 1e9, True, 0
        self.clocks, self.set_by = random.Random(f"clock {seed}"), 0.0  # stories are as they were without it
        self.hub = getcurrent()
        self.processes: list[Process] = []
        self.rows: dict[tuple[str, str], dict[str, tuple[str, Branch, str, str, Any, Vectors]]] = {}
        self.models: dict[tuple[str, str], ModelSpec] = {}
        self.current: Process | None = None
        self.log: list[str] = []
        self.every: list[Callable[[], object]] = []  #: called where the clock goes on by half a minute

    def start(self, program: Callable[[], object], host: str) -> Process:
        """Begins a process."""
        made = Process(1000 + len(self.processes), host)
        made.threads.append(greenlet(program, self.hub))
        self.processes.append(made)
        return made

    def thread(self, body: Callable[[], object]) -> None:
        """Begins another thread of the process that runs."""
        assert self.current
        self.current.threads.append(greenlet(body, self.hub))

    def pause(self) -> None:
        """Lets others run; the process may never come back from here."""
        if getcurrent() is not self.hub:
            self.hub.switch()

    def sleep(self, seconds: float) -> None:
        """Lets others run, and time pass."""
        before = self.clock
        self.clock += seconds
        if self.clock // 30 > before // 30:
            for call in self.every:
                call()
        self.pause()

    @property
    def wall_clock(self) -> float:
        """Seconds since 1970, as the machine's clock says, which somebody may have set."""
        return self.clock + self.set_by

    def _set_clock(self) -> None:
        """Sets the clock an hour or a day ahead or back: of one machine, by whose processes claims go."""
        alone = len({process.host for process in self.processes} - {"user"}) == 1
        if self.faults and alone and self.clocks.random() < _SET_CLOCK:
            self.set_by = self.clocks.choice((-86_400.0, -3600.0, 0.0, 3600.0, 86_400.0))
            self.log.append(f"the clock is set by {self.set_by}")

    def happens(self, chance: float) -> bool:
        """Whether a fault comes about here."""
        return self.faults and self.rng.random() < chance

    def run(self, kill: float, most_kills: int, died: Callable[[Process], object]) -> None:
        """Lets all processes run until they have ended; some are killed on the way, which `died` is told of."""
        while live := [each for each in self.processes if each.alive and each.runnable]:
            process = self.rng.choice(live)
            self._set_clock()
            if process.host != "user" and self.faults and self.kills < most_kills and self.rng.random() < kill:
                process.alive, self.kills = False, self.kills + 1
                self.log.append(f"killed {process.pid}")
                died(process)
                continue
            self.current = process
            self.rng.choice(process.runnable).switch()
            self.current = None


class Queue:
    """A `queue.SimpleQueue` that waits by letting others run."""

    def __init__(self, world: World, empty: type[Exception]) -> None:
        self._world, self._empty = world, empty
        self._items: deque[Any] = deque()

    def put(self, item: Any) -> None:
        """Adds an item."""
        self._items.append(item)

    def get(self, timeout: float) -> Any:
        """Takes an item; raises where none comes in time."""
        self._world.pause()
        if not self._items:
            self._world.sleep(timeout)
        if not self._items:
            raise self._empty
        return self._items.popleft()


class SimStore(FakeStore):
    """A `VectorStore` as Milvus is: an upsert, then the older rows go. It fails before, between and after."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._trouble(0.05)

    def _trouble(self, chance: float) -> None:
        self._world.pause()
        if self._world.happens(chance):
            raise StoreUnavailable("the simulated store is away", remedy="wait")

    def write(self, space: Space, model: ModelSpec, batches: Sequence[RecordBatch]) -> list[str]:
        """See `VectorStore`."""
        self._trouble(0.05)
        place = (space, model.fingerprint)
        self._world.models[place] = model
        there = self._world.rows.setdefault(place, {})
        for batch in batches:
            for n, row in enumerate(batch.rows):
                kept = (batch.asset_id, batch.branch, batch.write_id, batch.fingerprint, row, batch.vectors[n])
                there[record_id(batch, n, model)] = kept
            self._trouble(0.03)
        reach("records added")
        for batch in batches:
            self._remove(
                lambda kept, batch=batch: kept[:2] == (batch.asset_id, batch.branch) and kept[2] != batch.write_id
            )  # type: ignore[misc]
            self._trouble(0.03)
        return ["_".join(place)]

    def _remove(self, wanted: Callable[[Any], bool]) -> None:
        for there in self._world.rows.values():
            for gone in [name for name, kept in there.items() if wanted(kept)]:
                del there[gone]

    def delete(self, asset_id: str, branch: Branch | None = None) -> None:
        """See `VectorStore`."""
        self._trouble(0.05)
        self._remove(lambda kept: kept[0] == asset_id and branch in (None, kept[1]))
        self._trouble(0.05)

    def retain(self, asset_ids: Sequence[str], branches: Iterable[str]) -> None:
        """See `VectorStore`."""
        self._trouble(0.05)
        self._remove(lambda kept: kept[0] in asset_ids and kept[1] not in branches)
        self._trouble(0.05)

    def collections(self) -> list[Collection]:
        """See `VectorStore`."""
        return [Collection("_".join(place), place[0], self._world.models[place]) for place in sorted(self._world.rows)]

    def rows(self, collection: Collection) -> Iterator[StoredRecord]:
        """See `VectorStore`."""
        for name, kept in self._world.rows[collection.space, collection.model.fingerprint].items():
            asset_id, branch, write_id, fingerprint, row, vector = kept
            yield StoredRecord(name, asset_id, branch, fingerprint, write_id, row, vector)

    def count(self, asset_id: str, branch: Branch | None = None) -> int:
        """See `VectorStore`."""
        all_rows = [kept for there in self._world.rows.values() for kept in there.values()]
        return sum(kept[0] == asset_id and branch in (None, kept[1]) for kept in all_rows)


class SimPool:
    """A model whose process dies, or is out of reach, now and then."""

    ahead = 1

    def __init__(self, world: World) -> None:
        self._world = world

    def call(self, method: str, *args: Any) -> Any:
        """Encodes texts."""
        self._world.pause()
        if self._world.happens(0.08):
            raise TransientError("the simulated model is away", remedy="wait")
        return np.stack([vector_of(text) for text in args[0]])
