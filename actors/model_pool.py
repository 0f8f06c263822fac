"""One model of a master: its calls, its replicas, and who waits for what."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any

from actors.calls import Lease
from actors.dispatcher import Dispatcher
from actors.processes import Replica
from actors.replica import Facts
from actors.scaling import Scaling
from actors.shares import measured_share
from actors.signal import Signal
from actors.spec import BATCH, PoolSpec


@dataclass(frozen=True, slots=True)
class Refused:
    """Why there are no facts: the error, pickled or not."""

    error: Any


class Pool:
    """One model: its calls and its replicas."""

    def __init__(self, spec: PoolSpec) -> None:
        self.spec = spec
        self.dispatcher = Dispatcher(spec.what, BATCH, first_id=time.time_ns())
        self.replicas: dict[str, Replica] = {}
        self.scaling = Scaling()
        self.unfit: dict[str, float] = {}  #: nodes on which the model could not be loaded: since when
        self.facts: asyncio.Future[Facts | Refused] = asyncio.get_running_loop().create_future()
        self.work = Signal()
        self.scaled = asyncio.Lock()
        self.askers = 0  #: callers that wait for the first replica
        self.restarts = 0
        self.apart = False  #: shares no process with other models: nobody knew which of them had brought one down
        self.unborn = 0  #: replicas in a row that died while their model was being loaded
        self._starved = 0.0  #: since when calls have waited and no replica was ready
        self._looks: set[int] = set()
        self._peak_mb = self._total_mb = 0.0  #: memory of a GPU: that a replica has needed, and all of it

    @property
    def next_spec(self) -> PoolSpec:
        """The specification for one more replica: with the share of a GPU that the ones before have needed."""
        if not (self.spec.gpus and self.spec.guessed):
            return self.spec
        used = [replica for replica in self.replicas.values() if replica.use and replica.facts]
        self._peak_mb = max([self._peak_mb, *(replica.use.gpu_mb for replica in used if replica.use)])
        self._total_mb = max([self._total_mb, *(each.facts.gpu_total_mb for each in used if each.facts)])
        share = measured_share(self._peak_mb, self._total_mb, self.spec.reserve_mb)
        return replace(self.spec, gpus=share) if share else self.spec

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for the model."""
        return bool(self.askers or self.dispatcher.open_calls)

    @property
    def idle(self) -> bool:
        """Whether a replica waits that has no batch."""
        held = {lease.replica for lease in self.dispatcher.leases.values()}
        return any(replica.waits and replica.id not in held for replica in self.replicas.values())

    def others(self, replica: Replica) -> list[Replica]:
        """Returns the replicas but for one and its successor."""
        return [each for each in self.replicas.values() if each not in (replica, replica.successor)]

    def refuse(self, error: Any) -> None:
        """Tells all callers that the model cannot be loaded anywhere; the next caller tries again."""
        self.dispatcher.refuse(error)
        if not self.facts.done():
            self.facts.set_result(Refused(error))
        self.facts = asyncio.get_running_loop().create_future()
        self.work.tell()

    def starved(self, now: float) -> bool:
        """Tells whether calls have waited for a first replica as long as a batch may take."""
        if not self.wanted or any(replica.ready for replica in self.replicas.values()):
            self._starved = 0.0
            return False
        self._starved = self._starved or now
        if now - self._starved <= self.spec.timeout_s:
            return False
        self._starved = 0.0
        return True

    def to_look_at(self, now: float) -> list[Lease]:
        """Returns the batches that have taken too long, as far as the master knows, and that nobody looks at yet."""
        late = [lease for lease in self.dispatcher.leases.values() if now - lease.began > self.spec.timeout_s]
        late = [lease for lease in late if lease.id not in self._looks]
        self._looks = {lease.id for lease in late} | (self._looks & self.dispatcher.leases.keys())
        return late

    def looked_at(self, lease: Lease) -> None:
        """Notes that a batch may be looked at again."""
        self._looks.discard(lease.id)
