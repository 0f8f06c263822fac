"""The masters of all models, in one process: each gives the batches of its queue to replicas that ask for work.

What a master decides is in `dispatcher`, `placement` and `scaling`; `pools` does what is to be done in time.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from actors.calls import Call, Lease
from actors.dispatcher import Answer, Outcome
from actors.metrics import Metrics
from actors.model_pool import Pool, Refused
from actors.pools import Pools
from actors.processes import Replica
from actors.replica import Batch, Facts, Use
from actors.spec import BATCH, STOP, UNKNOWN, PoolSpec

_TELL_S = 5.0
_POLL_S = 10.0  #: after which a replica without work asks again


class PoolMaster:
    """The actor of all masters; see the module. Its methods are called by callers and replicas."""

    def __init__(self, name: str) -> None:
        self._pools = Pools(name)
        self._telling = asyncio.get_running_loop().create_task(self._tell_on())

    async def keep(self, spec: PoolSpec) -> None:
        """Begins to keep a pool, where it is not kept yet: its least replicas are started."""
        await self._pools.get(spec)

    async def facts(self, spec: PoolSpec) -> Facts | Refused:
        """Waits for the first replica, and returns what it said; why not where the model can be loaded nowhere."""
        pool = await self._pools.get(spec)
        ready = next((replica.facts for replica in pool.replicas.values() if replica.facts), None)
        if ready:
            return ready
        pool.askers += 1
        try:
            return await asyncio.shield(pool.facts)
        finally:
            pool.askers -= 1

    async def call(self, spec: PoolSpec | str, call: Call) -> Answer | str:
        """Lets a call wait for a replica and returns its answer. A run that has too much waiting waits here.

        `spec` is a key where the caller knows that the master has the pool; the answer is UNKNOWN where it has not.
        """
        pool = self._pools.all.get(spec) if isinstance(spec, str) else await self._pools.get(spec)
        if pool is None:
            return UNKNOWN
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        try:
            while pool.dispatcher.queue.waiting(call.run) > max(0, pool.spec.bound - call.count):
                await pool.work.wait()
            if self._pools.all.get(pool.spec.key) is not pool:  # ended meanwhile
                return UNKNOWN
            pool.dispatcher.accept(call, lambda answer: _set(answered, answer), time.monotonic())
            pool.work.tell()
            if not pool.replicas:
                await self._pools.scale(pool)
            return await answered
        except asyncio.CancelledError:
            pool.dispatcher.withdraw(call.id)
            raise

    async def joined(self, spec: PoolSpec, replica_id: str, handle: Any, facts: Facts) -> None:
        """Enters a replica whose model is loaded: one of ours, or of a master before this one."""
        pool = self._pools.known(spec)
        replica = pool.replicas.get(replica_id)
        if replica is None:
            replica = pool.replicas[replica_id] = self._pools.processes.adopt(spec, replica_id, handle, facts)
        replica.facts, replica.idle_since = facts, time.monotonic()
        pool.dispatcher.learn(facts.batch or BATCH, facts.limit)
        pool.unborn = 0
        pool.unfit.pop(facts.node, None)
        if not pool.facts.done():
            pool.facts.set_result(facts)
        await self._pools.replace_worn(pool)

    async def placed(self, key: str, replica_id: str) -> None:
        """Enters that the process of a replica runs, and begins to load the model."""
        pool = self._pools.all.get(key)
        if pool and (replica := pool.replicas.get(replica_id)):
            replica.placed = True

    async def failed(self, key: str, replica_id: str, error: bytes) -> None:
        """Enters that a replica could not load its model."""
        pool = self._pools.all.get(key)
        replica = pool.replicas.get(replica_id) if pool else None
        if pool and replica:
            await self._pools.failed(pool, replica, error)

    async def lease(self, key: str, replica_id: str) -> tuple[str, Batch | None]:
        """Returns the next batch of a replica: "work", STOP, UNKNOWN or "again", where there has been none."""
        pool = self._pools.all.get(key)
        replica = pool.replicas.get(replica_id) if pool else None
        if pool is None or replica is None:
            return (STOP if replica_id in self._pools.ended else UNKNOWN), None
        end = time.monotonic() + _POLL_S
        replica.waits += 1
        try:
            while replica_id in pool.replicas and not replica.stopping and (now := time.monotonic()) < end:
                if lease := pool.dispatcher.lease(replica_id, now, others_idle=pool.idle):
                    pool.work.tell()  # there is room for a call
                    return "work", _batch(lease)
                await pool.work.wait(pool.dispatcher.fill_s(now) or end - now)
        finally:
            replica.waits -= 1
        if not replica.stopping:
            return "again", None  # or the process has died, and nobody hears this
        replica.told = True
        self._pools.retire(pool, replica)
        return STOP, None

    async def finish(self, key: str, replica_id: str, lease_id: int, outcome: Outcome, use: Use) -> None:
        """Enters how a batch ended; a batch of a master before this one is of no interest: its caller asks again."""
        pool = self._pools.all.get(key)
        replica = pool.replicas.get(replica_id) if pool else None
        if pool is None or replica is None:
            return
        replica.used(use, outcome.seconds, time.monotonic())
        pool.dispatcher.finish(lease_id, outcome)
        pool.work.tell()
        if replica.stopping:
            self._pools.retire(pool, replica)

    async def end(self, key: str) -> None:
        """Ends a pool and its processes; whoever calls again begins it anew."""
        self._pools.end(key)

    async def state(self) -> list[dict[str, Any]]:
        """Returns what each pool is doing: see `medley pools`."""
        return [_state(pool) for pool in self._pools.all.values()]

    async def _tell_on(self) -> None:
        metrics = Metrics()
        while True:
            await asyncio.sleep(_TELL_S)
            metrics.tell(await self.state())


def _set(future: asyncio.Future[Answer], answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _batch(lease: Lease) -> Batch:
    call = lease.shares[0].call
    parts = [(share.call.items, share.start, share.stop) for share in lease.shares]
    return Batch(lease.id, call.method, parts, call.rest, call.divisible, call.referred)


def _state(pool: Pool) -> dict[str, Any]:
    dispatcher, now = pool.dispatcher, time.monotonic()
    counts = dispatcher.counts
    return {
        "name": pool.spec.name or pool.spec.key,
        "model": pool.spec.what,
        "waiting": dispatcher.queue.count,
        "calls": dispatcher.open_calls,
        "batches": counts["batches"],
        "items": counts["items"],
        "batch": round(counts["items"] / counts["batches"], 1) if counts["batches"] else 0.0,
        "limit": dispatcher.limit,
        "item_s": {method: round(seconds, 6) for method, seconds in dispatcher.item_s.items()},
        "deaths": counts["deaths"],
        "restarts": pool.restarts,
        "quarantined": counts["quarantined"],
        "out_of_memory": counts["out_of_memory"],
        "replicas": [_replica_state(replica, now) for replica in pool.replicas.values()],
    }


def _replica_state(replica: Replica, now: float) -> dict[str, Any]:
    facts, use = replica.facts, replica.use
    return {
        "node": facts.host if facts else "",
        "address": facts.address if facts else "",
        "device": facts.device if facts else "",
        "pid": facts.pid if facts else 0,
        "placed": replica.placed,
        "ready": replica.ready,
        "load_s": round(facts.load_s, 1) if facts else None,
        "batches": replica.batches,
        "busy": round(min(1.0, replica.busy_s / max(0.001, now - replica.worked_since)), 3),
        "busy_s": round(replica.busy_s, 3),
        "rss_mb": round(use.rss_mb) if use else None,
        "gpu_mb": round(use.gpu_mb) if use else None,
        "gpus": replica.pool.gpus,
    }
