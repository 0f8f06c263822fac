"""What makes a pool: which model, hosted how, and how many processes of it there may be."""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "medley"  #: of Ray: where masters and replicas have their names
BATCH = 64  #: items of a batch, unless the model says something else
#: What a master answers a replica, or a caller, of a pool that it has not heard of; and to a replica that may go.
UNKNOWN, STOP = "unknown", "stop"


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """A pool as its master, its replicas and its callers know it.

    Attributes:
        key: Names the pool: two with the same key make the same of the same items.
        what: The model in words, for errors.
        name: The pool in one word, for people.
        makes: The class that hosts the model and the arguments of which it is made, pickled.
        gpus: Share of a GPU for each replica; 0.0: on the CPU.
        threads: CPU threads of each replica.
        shares: Replicas may be in one process with those of other pools that say the same word; "" where they may not.
        least: Replicas that are always kept.
        most: Replicas at most; 0: as many as the cluster has room for.
        bound: Items of one run that wait at most; whoever brings more waits with them.
        timeout_s: Longest time for one batch.
        calls: Batches after which a replica is replaced; 0: never.
        free: As many replicas on one node as are wanted.
        resources: Custom resources of Ray that each replica needs.
        guessed: `gpus` is a guess: once a replica has worked, further ones get what that one has needed.
        reserve_mb: Of a GPU's memory that is for others.
        grown_mb: Growth of a process since its first batch after which its replicas are replaced; 0: never.

    """

    key: str
    what: str
    name: str = ""
    makes: bytes = b""
    gpus: float = 0.0
    guessed: bool = False
    reserve_mb: int = 0
    threads: int = 1
    shares: str = ""
    least: int = 1
    most: int = 0
    bound: int = 1024
    timeout_s: float = 3600.0
    calls: int = 0
    grown_mb: int = 0
    free: bool = False
    resources: tuple[tuple[str, float], ...] = ()
