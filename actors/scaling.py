"""How many replicas a model should have. No Ray and no clock: what is the case is given."""

from __future__ import annotations

from dataclasses import dataclass

from actors.spec import PoolSpec

_UP_S = 2.0  #: of work for each replica, that waits
_UP_TICKS = 2  #: for which it has waited
_DOWN_S = 60.0  #: without work, after which a replica is not needed


@dataclass(slots=True)
class Scaling:
    """Decides by queued work over measured rate; a model whose rate is unknown yet has the replica that measures it."""

    ticks: int = 0  #: in a row at which too much waited

    def wanted(self, pool: PoolSpec, have: int, waiting: int, queued_s: float, idle_s: list[float]) -> int:
        """Returns the number of replicas there should be now.

        `have`: replicas there are or that are being started; `waiting`: items that wait; `queued_s`: seconds that one
        replica needs for them, 0.0 where nobody knows; `idle_s`: for each ready replica the seconds without work.
        """
        if have < pool.least or (not have and waiting):
            self.ticks = 0
            return max(pool.least, 1 if waiting else 0)
        self.ticks = self.ticks + 1 if queued_s > _UP_S * have else 0
        if self.ticks >= _UP_TICKS and (not pool.most or have < pool.most):
            self.ticks = 0
            return have + 1
        if have > pool.least and idle_s and len(idle_s) == have and max(idle_s) > _DOWN_S:
            return have - 1
        return have
