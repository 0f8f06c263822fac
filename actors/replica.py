"""What runs in the processes of models: replicas, which fetch batches from their master and work on them."""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import psutil
import ray
from ray import cloudpickle
from ray.exceptions import RayActorError

from actors.dispatcher import Outcome
from actors.spec import NAMESPACE, STOP, UNKNOWN, PoolSpec
from medley.artifacts.references import as_paths
from medley.errors import MedleyError
from medley.system.gpu import OwnMemory

_AGAIN_S = 0.5  #: before a master that is being started again is asked again
_MASTER_S = 60.0  #: a master that is away for longer is gone, and with it the need for this replica


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as a replica gets it. `parts`: items, pickled or a list of one reference to them, and which of them."""

    lease: int
    method: str
    parts: list[tuple[Any, int, int]]
    rest: bytes
    divisible: bool
    referred: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What a master has to know of a replica whose model is loaded."""

    actor: str  #: id of the process's actor
    node: str
    host: str
    address: str  #: of the node
    pid: int
    device: str
    batch: int  #: items of a batch at most; 0: as the pool says
    limit: int  #: and since it ran out of memory; 0: it has not
    divisible: tuple[str, ...]  #: methods that give one result for each item of their first argument
    prepared: dict[str, tuple[str, str, dict[str, Any]]]  #: see `actors.client`
    load_s: float
    gpu_total_mb: float = 0.0  #: memory of its GPU


@dataclass(frozen=True, slots=True)
class Use:
    """What a replica needs: memory of its process in MB, largest memory of the GPU in MB so far."""

    rss_mb: float
    gpu_mb: float = 0.0


class ReplicaProcess:
    """The process of one replica on a GPU, or of those of several models on a CPU that need the same libraries."""

    def __init__(self) -> None:
        self._hosts: dict[str, Any] = {}

    def alive(self) -> None:
        """Waits for ever: whoever waits for the answer learns of the end of this process."""
        threading.Event().wait()

    def working_s(self, replica: str, lease: int) -> float:
        """Tells how many seconds a replica has been at the present part of a batch; 0.0 before the batch has begun."""
        host = self._hosts.get(replica)
        return float(host.working_s(str(lease))) if host else 0.0

    def serve(self, master: str, pool: PoolSpec, replica: str) -> None:
        """Loads the model, then works on batches until the master says that this replica is not needed any more."""
        me = ray.get_runtime_context().current_actor
        link = _Link(master)
        link.ask("placed", pool.key, replica)
        began = time.monotonic()
        try:
            gpu = OwnMemory() if ray.get_runtime_context().get_accelerator_ids().get("GPU") else None
            kind, args = cloudpickle.loads(pool.makes)
            host = kind(*args)
        except Exception as error:  # noqa: BLE001  # the master's callers are told
            link.ask("failed", pool.key, replica, pickled_error(_placed(error)))
            return
        gpu = getattr(host, "gpu", gpu)  # a host that knows better
        facts = _facts(host, gpu, time.monotonic() - began)
        self._hosts[replica] = host
        try:
            _Loop(link, pool, replica, host, gpu, facts, me).run()
        finally:
            del self._hosts[replica]


class _Link:
    """The master by its name, for as long as it is there or being started again."""

    def __init__(self, master: str) -> None:
        self._name = master
        self._handle: Any = None

    def ask(self, method: str, *args: Any) -> Any:
        """Calls the master. Raises RayActorError where the master is gone for good."""
        end = time.monotonic() + _MASTER_S
        while True:
            try:
                self._handle = self._handle or ray.get_actor(self._name, namespace=NAMESPACE)
                return ray.get(getattr(self._handle, method).remote(*args))
            except (RayActorError, ValueError):
                self._handle = None
                if time.monotonic() > end:
                    raise
                time.sleep(_AGAIN_S)


class _Loop:
    """Fetches the next batch, and tells of the last one, while the present one is worked on."""

    def __init__(
        self, link: _Link, pool: PoolSpec, replica: str, host: Any, gpu: OwnMemory | None, facts: Facts, me: Any
    ) -> None:
        self._gpu = gpu
        self._link, self._pool, self._replica, self._host, self._facts, self._me = link, pool, replica, host, facts, me
        self._ended: queue.SimpleQueue[tuple[int, Outcome] | None] = queue.SimpleQueue()
        self._next: queue.Queue[Batch | BaseException | None] = queue.Queue(1)

    def run(self) -> None:
        """Works in the calling thread: libraries keep what each thread has needed once."""
        self._join()
        threading.Thread(target=self._fetch, daemon=True).start()
        telling = threading.Thread(target=self._tell, daemon=True)
        telling.start()
        while (batch := self._next.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            outcome = work(self._host, batch)
            if outcome.out_of_memory:  # what a new master is to know
                size = sum(stop - start for _, start, stop in batch.parts)
                self._facts = replace(self._facts, limit=max(1, size // 2))
            self._ended.put((batch.lease, outcome))
        self._ended.put(None)
        telling.join()

    def _tell(self) -> None:
        """Tells the master how batches have ended, while the next one is worked on."""
        while (ended := self._ended.get()) is not None:
            self._link.ask("finish", self._pool.key, self._replica, *ended, self._use())

    def _join(self) -> None:
        self._link.ask("joined", self._pool, self._replica, self._me, self._facts)

    def _fetch(self) -> None:
        try:
            while True:
                told, batch = self._link.ask("lease", self._pool.key, self._replica)
                if told == UNKNOWN:  # a master that has been started again
                    self._join()
                elif told == STOP:
                    self._next.put(None)
                    return
                elif batch:
                    self._next.put(batch)
        except BaseException as error:  # noqa: BLE001  # raised in the thread that works
            self._next.put(error)

    def _use(self) -> Use:
        return Use(psutil.Process().memory_info().rss / 1e6, self._gpu.peak_mb() if self._gpu else 0.0)


def work(host: Any, batch: Batch) -> Outcome:
    """Runs one batch on a host. Raises nothing: an error is the outcome."""
    began = time.monotonic()
    try:
        rest = cloudpickle.loads(batch.rest)
        with as_paths((_items(batch), *rest) if batch.divisible else rest) as args:
            result, notes = host.run(str(batch.lease), batch.method, *args)
        parts = [cloudpickle.dumps(part) for part in _divided(result, batch)]
        return Outcome(parts, notes=tuple(notes), seconds=time.monotonic() - began)
    except Exception as error:  # noqa: BLE001  # whoever called is told
        if not isinstance(error, MedleyError):
            error.add_note(traceback.format_exc())
        seconds, said = time.monotonic() - began, f"{type(error).__name__}: {error}"
        return Outcome(error=pickled_error(error), said=said, out_of_memory=ran_out_of_memory(error), seconds=seconds)


def pickled_error(error: Exception) -> bytes:
    """Pickles an error for the caller, whose classes the master need not know; another one where that is impossible."""
    try:
        found: bytes = cloudpickle.dumps(error)
        cloudpickle.loads(found)
    except Exception:  # noqa: BLE001  # whatever its class does
        found = cloudpickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return found


def ran_out_of_memory(error: BaseException) -> bool:
    """Tells whether an error says that a batch was too large for the memory of its device."""
    ours = isinstance(error, MedleyError)  # may name a file that is called so
    return isinstance(error, MemoryError) or (not ours and "out of memory" in str(error).lower())


def _items(batch: Batch) -> Any:
    parts = [ray.get(items[0]) if batch.referred else cloudpickle.loads(items) for items, _, _ in batch.parts]
    cut = [items[start:stop] for items, (_, start, stop) in zip(parts, batch.parts, strict=True)]
    if len(cut) == 1:
        return cut[0]
    return np.concatenate(cut) if isinstance(cut[0], np.ndarray) else [item for part in cut for item in part]


def _divided(result: Any, batch: Batch) -> list[Any]:
    if not batch.divisible:
        return [result]
    wanted = sum(stop - start for _, start, stop in batch.parts)
    if len(result) != wanted:  # somebody would get the results of others
        raise RuntimeError(f"{batch.method} gave {len(result)} results for {wanted} items")
    parts, at = [], 0
    for _, start, stop in batch.parts:
        parts.append(result[at : at + stop - start])
        at += stop - start
    return parts


def _placed(error: Exception) -> Exception:
    """The error with the node on which it happened: another node may have what is missing here."""
    if isinstance(error, MedleyError):
        error.reason = f"{error.reason} (on node {socket.gethostname()})"
    return error


def _facts(host: Any, gpu: OwnMemory | None, load_s: float) -> Facts:
    context = ray.get_runtime_context()
    gpus = context.get_accelerator_ids().get("GPU") or []
    told: Callable[[], dict[str, Any]] = getattr(host, "facts", dict)
    known = told()
    divisible: Sequence[str] = known.get("divisible", ())
    return Facts(
        actor=context.get_actor_id() or "",
        node=context.get_node_id(),
        host=socket.gethostname(),
        address=ray.util.get_node_ip_address(),
        pid=os.getpid(),
        device=f"gpu {','.join(map(str, gpus))}" if gpus else "cpu",
        batch=known.get("batch", 0),
        limit=0,
        divisible=tuple(divisible),
        prepared=known.get("prepared", {}),
        load_s=load_s,
        gpu_total_mb=gpu.total_mb if gpu else 0.0,
    )
