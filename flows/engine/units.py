"""How many batches of a run are in flight: as many as keep CPUs and models at work, and fit the memory."""

from __future__ import annotations

import contextvars
import sys
import threading

from flows.services.capacity import WAITING, Load, local_units, most_units
from flows.services.log import logger
from medley.settings import Settings

_EVERY_S = 2.0


def next_units(now: int, load: Load) -> int:
    """Returns how many batches are to be in flight next, after `now`.

    One more where CPUs are idle and no model has work waiting; one less where models have more than they manage.
    """
    base = load.cpus + WAITING
    if load.free_cpus >= 1 and not load.waiting:
        now += 1
    elif load.waiting and now > base:
        now -= 1
    return min(most_units(load), max(int(base), now))


class Units:
    """The number of batches in flight, `now`, which a thread follows while the block runs."""

    def __init__(self, settings: Settings) -> None:
        """Takes MEDLEY_WINDOW where that is set, else begins with what this machine has."""
        self._fixed = bool(settings.window)
        self.now = local_units(settings)
        self._done = threading.Event()
        self._taken: dict[object, int] = {}

    def __enter__(self) -> Units:
        if not self._fixed:
            context = contextvars.copy_context()  # what is logged belongs to the flow run
            threading.Thread(target=context.run, args=(self._follow,), daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()

    def has_room(self, user: object, count: int) -> bool:
        """Tells whether `user`, who has `count` batches in flight, may begin another one; everybody may have one."""
        self._taken[user] = count
        return not count or self.idle

    def leave(self, user: object) -> None:
        """Forgets a user that has ended."""
        self._taken.pop(user, None)

    @property
    def idle(self) -> bool:
        """Whether all users together have fewer batches in flight than there is use for."""
        return sum(list(self._taken.values())) < self.now

    def _follow(self) -> None:
        while not self._done.wait(_EVERY_S):
            if (load := _load()) is None:
                continue
            before, self.now = self.now, next_units(self.now, load)
            if abs(self.now - before) > 1:
                logger.info("%d batches in flight: the cluster has %g CPUs", self.now, load.cpus)


def _load() -> Load | None:
    """What the cluster that this process has joined has; None before there is one."""
    if "ray" not in sys.modules:
        return None
    from actors.overview import pool_states
    from flows.services.ray_state import resources

    found = resources()
    if found is None:
        return None
    waiting = sum(state["waiting"] for state in pool_states())
    return Load(found.cpus, found.memory_bytes, found.free_cpus, waiting)
