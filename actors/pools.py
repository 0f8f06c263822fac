"""The pools of a master: their calls, their replicas, and what is done for both from time to time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RpcError

from actors.calls import Lease
from actors.model_pool import Pool
from actors.placement import Place, next_place, places_of
from actors.processes import WATCH, Process, Processes, Replica
from actors.ray_private import draining_nodes
from actors.spec import PoolSpec
from medley.errors import ActorDied, ModelTimeout

_TICK_S = 1.0
logger = logging.getLogger("medley.pools")
_LOOK_S = 10.0  #: for which a replica is given time to say how long its batch has taken
_UNFIT_S = 60.0  #: for which a model is not loaded again on a node where it could not be loaded
_YIELD_S = 5.0  #: for which a first replica waits for a place before one of another model's several makes room
_ROOM_S = 120.0  #: for which a replica more than the least may wait for a place on a GPU
_SETTLE_S = 3.0  #: for which a master that was started again waits for the replicas that are there
_NO_ROOM = "See medley pools: the cluster may have no room for the model; or raise MEDLEY_POOLS__CALL_TIMEOUT_S"
_DEATHS = 5  #: of replicas in a row, none of which has loaded its model, before callers are told


class Pools:
    """All pools of a master, and their processes."""

    def __init__(self, name: str) -> None:
        self.all: dict[str, Pool] = {}
        self.ended: set[str] = set()  #: replicas of pools that were ended, in processes that they share with others
        self.processes = Processes(name, self._watch)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._places: list[Place] = []
        self._leaving: set[str] = set()  #: nodes that are drained: spot nodes on notice, idle ones
        self._seen = 0.0
        again = ray.get_runtime_context().was_current_actor_reconstructed
        self._settled = time.monotonic() + _SETTLE_S if again else 0.0
        self._spawn(self._tick())

    async def get(self, spec: PoolSpec) -> Pool:
        """Returns the pool of a specification, with its least replicas starting."""
        pool = self.known(spec)
        if not pool.replicas:
            await self.scale(pool)
        return pool

    def known(self, spec: PoolSpec) -> Pool:
        """Returns the pool of a specification, as it is."""
        if spec.key not in self.all:
            self.all[spec.key] = Pool(spec)
        return self.all[spec.key]

    async def scale(self, pool: Pool) -> None:
        """Starts a replica where one is missing and there is room; stops one that is not needed."""
        async with pool.scaled:
            await self._scale(pool)

    async def _scale(self, pool: Pool) -> None:
        now = time.monotonic()
        replicas = [replica for replica in pool.replicas.values() if not replica.stopping]
        if now < self._settled:  # replicas of the master before this one are still to join
            return
        ready = [replica for replica in replicas if replica.ready]
        idle_s = [0.0 if self._holds(pool, replica) else now - replica.idle_since for replica in ready]
        waiting = pool.dispatcher.queue.count
        wanted = pool.scaling.wanted(pool.spec, len(replicas), waiting, pool.dispatcher.queued_s(), idle_s)
        for _ in range(wanted - len(replicas)):
            if not await self._start(pool):
                break
        ready.sort(key=lambda replica: replica.idle_since)
        for replica in ready[: max(0, len(replicas) - wanted)]:
            self.stop(pool, replica)
        for replica in replicas:  # no GPU was free for it
            if not replica.placed and len(replicas) > pool.spec.least and now - replica.since > _ROOM_S:
                pool.replicas.pop(replica.id, None)
                self.processes.remove(replica)

    def stop(self, pool: Pool, replica: Replica) -> None:
        """Lets a replica end its batch and go."""
        replica.stopping = True
        pool.work.tell()

    def retire(self, pool: Pool, replica: Replica) -> None:
        """Forgets a replica that has been told to stop, once it has ended its batches."""
        if replica.told and not self._holds(pool, replica):
            pool.replicas.pop(replica.id, None)
            self.processes.remove(replica)

    async def replace_worn(self, pool: Pool) -> None:
        """Starts a successor for a replica that is to be replaced; the old one goes when the new one has loaded.

        One on a node that is to leave the cluster is replaced elsewhere, or by the others where no node has room.
        """
        for old in list(pool.replicas.values()):
            leaves = old.process.node in self._leaving
            if not old.ready or not (leaves or old.worn()):
                continue
            if old.successor is None:
                old.process.retiring = True
                if place := await self._place_after(pool, old, elsewhere=leaves):
                    old.successor = self._add(pool, place)
                elif leaves and any(
                    other.ready and other.process.node not in self._leaving for other in pool.others(old)
                ):
                    self.stop(pool, old)
            elif old.successor.ready:
                self.stop(pool, old)

    async def _place_after(self, pool: Pool, old: Replica, *, elsewhere: bool) -> Place | None:
        if elsewhere:
            taken = [other.process.node for other in pool.others(old)]
            return next_place(pool.next_spec, await self.places(), taken, pool.unfit)
        return next((place for place in await self.places() if place.node == old.process.node), None)

    def end(self, key: str) -> None:
        """Ends a pool: its processes, and the calls that wait."""
        pool = self.all.pop(key, None)
        if pool:
            for replica in pool.replicas.values():
                self.ended.add(replica.id)
                self.processes.remove(replica)
            pool.refuse(ActorDied(f"the pool of the {pool.spec.what} was ended"))

    async def failed(self, pool: Pool, replica: Replica, error: bytes) -> None:
        """Enters that a model could not be loaded; where it can be loaded nowhere else, its callers are told."""
        pool.unfit[replica.process.node] = time.monotonic()
        pool.replicas.pop(replica.id, None)
        self.processes.remove(replica)
        async with pool.scaled:
            if not pool.replicas and not await self._start(pool):
                pool.unfit.clear()
                pool.refuse(error)

    async def places(self) -> list[Place]:
        """Returns the nodes that may run models, as of this second."""
        if time.monotonic() - self._seen > _TICK_S:
            with contextlib.suppress(RayError, RpcError):  # a head that is busy: what was known a second ago
                nodes, self._leaving = await asyncio.to_thread(_nodes)
                self._places = places_of(node for node in nodes if node["NodeID"] not in self._leaving)
            self._seen = time.monotonic()
        return self._places

    def _holds(self, pool: Pool, replica: Replica) -> bool:
        return any(lease.replica == replica.id for lease in pool.dispatcher.leases.values())

    async def _start(self, pool: Pool) -> bool:
        pool.unfit = {node: since for node, since in pool.unfit.items() if time.monotonic() - since < _UNFIT_S}
        taken = [replica.process.node for replica in pool.replicas.values()]
        place = next_place(pool.next_spec, await self.places(), taken, pool.unfit)
        if place:
            self._add(pool, place)
        return place is not None

    def _add(self, pool: Pool, place: Place) -> Replica:
        spec = pool.next_spec
        replica = self.processes.start(replace(spec, shares="") if pool.apart else spec, place)
        pool.replicas[replica.id] = replica
        return replica

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            for pool in list(self.all.values()):
                await self.places()
                await self.scale(pool)
                await self.replace_worn(pool)
                await self._make_room(pool)
                if pool.starved(time.monotonic()):
                    why = f"the {pool.spec.what} has not been loaded for {pool.spec.timeout_s:g} s"
                    pool.refuse(ModelTimeout(why, remedy=_NO_ROOM))
                for lease in pool.to_look_at(time.monotonic()):
                    self._spawn(self._look_at(pool, lease))

    async def _make_room(self, pool: Pool) -> None:
        """Takes a GPU share from a model that has more replicas than its least, for one that has none."""
        now = time.monotonic()
        replicas = list(pool.replicas.values())
        if not pool.spec.gpus or not pool.wanted or any(replica.placed for replica in replicas):
            return
        if not replicas or now - min(replica.since for replica in replicas) < _YIELD_S:
            return
        for other in self.all.values():
            ready = [replica for replica in other.replicas.values() if replica.ready]
            if other is not pool and other.spec.gpus and len(ready) > max(1, other.spec.least):
                self.stop(other, max(ready, key=lambda replica: replica.idle_since))
                return

    async def _look_at(self, pool: Pool, lease: Lease) -> None:
        """Asks a replica how long its batch has taken, and ends its process where that is too long."""
        replica = pool.replicas.get(lease.replica)
        if replica is None:
            return
        asked = replica.process.handle.working_s.options(concurrency_group=WATCH).remote(replica.id, lease.id)
        try:
            working_s = await asyncio.wait_for(asked, _LOOK_S)
        except (TimeoutError, GetTimeoutError):
            working_s = float("inf")  # it hangs as a whole
        except RayError:
            return  # it has died: that is another story
        if lease.id in pool.dispatcher.leases and working_s > pool.spec.timeout_s:
            pool.dispatcher.expired(lease, pool.spec.timeout_s)
            await self._end(replica.process)
        pool.looked_at(lease)

    async def _end(self, process: Process) -> None:
        """Ends a process over one of its batches: its other batches are handed out again, and are not to blame."""
        self.processes.end(process)
        await self._lost(process, blameless=True)

    def _watch(self, process: Process, alive: Any) -> None:
        self._spawn(self._await_death(process, alive))

    async def _await_death(self, process: Process, alive: Any) -> None:
        try:
            await alive
        except RayError as error:
            if process in self.processes.all:  # else it was ended by us
                self.processes.all.remove(process)
                self._seen = 0.0
                gone = process.node not in {place.node for place in await self.places()}  # or is about to go
                await self._lost(process, blameless=gone or getattr(error, "preempted", False))

    async def _lost(self, process: Process, *, blameless: bool) -> None:
        """Where several models were at work in the process, none is blamed: each has one of its own from now on."""
        lost = [(self.all[replica.pool.key], replica) for replica in process.replicas.values()]
        busy = [replica for pool, replica in lost if self._holds(pool, replica) or not replica.facts]
        unclear = len(busy) > 1 and not blameless
        for pool, replica in lost:
            pool.apart |= unclear
            pool.replicas.pop(replica.id, None)
            pool.restarts += 1
            pool.unborn = 0 if replica.facts or blameless else pool.unborn + 1
            pool.dispatcher.lost(replica.id, blameless=blameless or unclear)
            if pool.unborn >= _DEATHS:
                pool.unborn = 0
                why = f"the process of the {pool.spec.what} dies while the model is being loaded"
                pool.refuse(ActorDied(why, remedy="See the logs of Ray on its node; the model may need more memory"))
            pool.work.tell()
            await self.scale(pool)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("a master's work failed", exc_info=error)


def _nodes() -> tuple[list[dict[str, Any]], set[str]]:
    """The nodes of the cluster, and which of them are to leave it."""
    return ray.nodes(), draining_nodes()
