"""The replicas of one model: which there are, which are starting, which are to go. Asks Ray for processes."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.placement import MODELS, Place
from actors.replica import Facts, ReplicaProcess, Use
from actors.spec import NAMESPACE, PoolSpec

_THREADS = 8  #: of a process: replicas
_LIFE = "life"
WATCH = "watch"  #: group of the calls that are answered while a replica works


@dataclass(slots=True, eq=False)
class Process:
    """A process of replicas: its actor, and the replicas in it."""

    handle: Any
    node: str
    shares: str
    replicas: dict[str, Replica] = field(default_factory=dict)
    retiring: bool = False  #: gets no new replica: it is being replaced


@dataclass(slots=True, eq=False)
class Replica:
    """One loaded model."""

    id: str
    pool: PoolSpec
    process: Process
    since: float
    placed: bool = False  #: its process runs: it waits for no node and no GPU
    facts: Facts | None = None  #: None while the model is being loaded
    use: Use | None = None
    first_use: Use | None = None  #: after its first batch
    batches: int = 0
    busy_s: float = 0.0
    idle_since: float = 0.0
    stopping: bool = False  #: gets no more batches
    told: bool = False  #: and knows it
    waits: int = 0  #: asks for work, and has none
    worked_since: float = 0.0  #: when it got its first batch
    successor: Replica | None = None

    @property
    def ready(self) -> bool:
        """Whether the model is loaded and the replica takes work."""
        return self.facts is not None and not self.stopping

    def used(self, use: Use, seconds: float, now: float) -> None:
        """Enters a batch that the replica has ended."""
        self.batches += 1
        self.busy_s += seconds
        self.worked_since = self.worked_since or now - seconds
        self.idle_since = now
        self.use, self.first_use = use, self.first_use or use

    def worn(self) -> str:
        """Says why the replica is to be replaced; empty where it is not."""
        if self.pool.calls and self.batches >= self.pool.calls:
            return f"{self.batches} batches"
        if self.pool.grown_mb and self.use and self.first_use:
            grown = self.use.rss_mb - self.first_use.rss_mb
            return f"memory grew by {grown:.0f} MB" if grown > self.pool.grown_mb else ""
        return ""


class Processes:
    """The processes of all pools of a master."""

    def __init__(self, master: str, watch: Callable[[Process, Any], None]) -> None:
        self._master, self._watch = master, watch
        self.all: list[Process] = []

    def start(self, pool: PoolSpec, place: Place) -> Replica:
        """Begins to load one more replica; `joined` of the master says when the model is loaded."""
        process = self._shared(pool, place) or self._new(pool, place)
        replica = Replica(uuid.uuid4().hex[:12], pool, process, time.monotonic())
        process.replicas[replica.id] = replica
        process.handle.serve.remote(self._master, pool, replica.id)
        return replica

    def adopt(self, pool: PoolSpec, replica_id: str, handle: Any, facts: Facts) -> Replica:
        """Enters a replica that a master before this one has started."""
        known = (each for each in self.all if facts.actor in {r.facts.actor for r in each.replicas.values() if r.facts})
        process = next(known, None) or self._watched(Process(handle, facts.node, pool.shares))
        replica = Replica(replica_id, pool, process, time.monotonic())
        process.replicas[replica_id] = replica
        return replica

    def remove(self, replica: Replica) -> None:
        """Forgets a replica; ends its process where it was the last one there."""
        replica.process.replicas.pop(replica.id, None)
        if not replica.process.replicas:
            self.end(replica.process)

    def end(self, process: Process) -> None:
        """Ends a process at once."""
        if process in self.all:
            self.all.remove(process)
            ray.kill(process.handle)

    def _shared(self, pool: PoolSpec, place: Place) -> Process | None:
        alike = (
            each
            for each in self.all
            if pool.shares and each.shares == pool.shares and each.node == place.node and not each.retiring
        )
        return next((each for each in alike if pool.key not in {r.pool.key for r in each.replicas.values()}), None)

    def _new(self, pool: PoolSpec, place: Place) -> Process:
        where: dict[str, Any] = {"resources": dict(pool.resources)}
        if place.models:
            where["resources"][MODELS] = 0.001
        if pool.gpus:
            where["num_gpus"] = pool.gpus
        named = type(_title(pool), (ReplicaProcess,), {})  # what `ps` shows
        actor = ray.remote(concurrency_groups={_LIFE: 16, WATCH: 4})(named).options(
            name=f"replica-{uuid.uuid4().hex[:12]}",
            namespace=NAMESPACE,
            lifetime="detached",
            num_cpus=0,  # with a CPU each, replicas and tasks do not fit on two cores
            max_restarts=0,  # the master starts another one, where there is room
            max_concurrency=_THREADS,
            scheduling_strategy=NodeAffinitySchedulingStrategy(place.node, soft=False),
            **where,
        )
        return self._watched(Process(actor.remote(), place.node, pool.shares))

    def _watched(self, process: Process) -> Process:
        self.all.append(process)
        self._watch(process, process.handle.alive.options(concurrency_group=_LIFE).remote())
        return process


def _title(pool: PoolSpec) -> str:
    """Names the class of a pool's processes: `ps` shows `ray::SpeechModel`."""
    words = re.findall(r"[A-Za-z0-9]+", pool.name)
    return "Models" if pool.shares else "".join(word.capitalize() for word in words) + "Model"
