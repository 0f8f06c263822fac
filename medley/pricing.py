"""What stages will cost, from what they have cost before on this installation."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles

from sqlalchemy import Engine, select

from medley.catalog.reading import rows
from medley.catalog.tables import assets, runs, stages
from medley.dag.fingerprints import model_of
from medley.run import TaskContext
from medley.types import Asset

_LATEST = 500  # of a stage's runs
_ALIKE = 15  # files nearest in size to the one in question
_COMPARED = 1000
_ENOUGH = 3  # runs under the same options and models; with fewer, all count


@dataclass(frozen=True, slots=True)
class Price:
    """Seconds that stages will probably take: at most a quarter of all times they took less than `low` or over `high`.

    `likely` is the mean, so that sums are right. `tokens`: that models behind servers will probably take and give.
    """

    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0
    tokens: float = 0.0

    def __add__(self, other: Price) -> Price:
        tokens = self.tokens + other.tokens
        return Price(self.low + other.low, self.likely + other.likely, self.high + other.high, tokens)

    def times(self, count: float) -> Price:
        """Returns the price of so many of them."""
        return Price(self.low * count, self.likely * count, self.high * count, self.tokens * count)


@dataclass(frozen=True, slots=True)
class Work:
    """Seconds that stages took, of those for which there was a price, and what they were expected to take."""

    seconds: float
    expected: float


#: Size of a file (seconds of sound or video, else bytes), seconds that a stage took, the stage's fingerprint, tokens.
_Run = tuple[float, float, str, int]


class Prices:
    """Prices by stage, from the catalog; `without`: ids of runs that do not count."""

    def __init__(self, engine: Engine, without: Collection[str] = ()) -> None:
        self._engine, self._without = engine, list(without)
        self._known: dict[tuple[str, str], list[_Run]] = {}

    def of(self, flow: str, stage: str, fingerprint: str, asset: Asset) -> Price | None:
        """Estimates what a stage costs for an asset; None where the stage never ran on this installation.

        Runs with other models or options count only where there are few with the same.
        """
        return self._of(flow, stage, fingerprint, size_of(asset.media.duration_s, asset.size_bytes))

    def tokens_of(self, asset: Asset, run: TaskContext) -> float:
        """Estimates the tokens of models behind servers that all stages of a run take for an asset."""
        models = ((stage.name, model_of(stage, run.models)) for stage in run.dag.wanted(asset))
        asked = (name for name, model in models if model and model.endpoint)
        found = (self.of(run.flow, name, run.fingerprints[name], asset) for name in asked)
        return sum(price.tokens for price in found if price)

    def _of(self, flow: str, stage: str, fingerprint: str, size: float) -> Price | None:
        history = self._history(flow, stage)
        same = [run for run in history if run[2] == fingerprint]
        return _estimate(same if len(same) >= _ENOUGH else history, size)

    def work_of(self, run_ids: Collection[str]) -> Work:
        """Compares what runs did, up to a thousand stages of files, with what was expected before them."""
        duration_s = assets.c.media["duration_s"].as_float().label("duration_s")
        told = (runs.c.flow, stages.c.stage, stages.c.fingerprint, stages.c.seconds, assets.c.size_bytes, duration_s)
        joined = stages.join(assets, assets.c.asset_id == stages.c.asset_id)
        joined = joined.join(runs, runs.c.run_id == stages.c.run_id)
        done = select(*told).select_from(joined).where(stages.c.run_id.in_(run_ids), stages.c.state == "completed")
        seconds = expected = 0.0
        for row in rows(self._engine, done.limit(_COMPARED)):
            size = size_of(row.duration_s or 0.0, row.size_bytes)
            if price := self._of(row.flow, row.stage, row.fingerprint, size):
                seconds, expected = seconds + row.seconds, expected + price.likely
        return Work(round(seconds, 3), round(expected, 3))

    def _history(self, flow: str, stage: str) -> list[_Run]:
        if (flow, stage) not in self._known:
            duration_s = assets.c.media["duration_s"].as_float()
            told = (stages.c[name] for name in ("seconds", "fingerprint", "tokens"))
            wanted = select(assets.c.size_bytes, duration_s.label("duration_s"), *told)
            joined = wanted.select_from(stages.join(assets, assets.c.asset_id == stages.c.asset_id))
            joined = joined.join(runs, runs.c.run_id == stages.c.run_id)
            done = joined.where(stages.c.stage == stage, stages.c.state == "completed", runs.c.flow == flow)
            done = done.where(stages.c.run_id.not_in(self._without)) if self._without else done
            found = rows(self._engine, done.order_by(stages.c.id.desc()).limit(_LATEST))
            self._known[flow, stage] = [
                (size_of(row.duration_s or 0.0, row.size_bytes), row.seconds, row.fingerprint, row.tokens or 0)
                for row in found
            ]
        return self._known[flow, stage]


def size_of(duration_s: float, size_bytes: int) -> float:
    """Returns what the cost of a file grows with: its seconds, or else its bytes."""
    return max(duration_s or float(size_bytes), 1e-3)


def _estimate(history: Sequence[_Run], size: float) -> Price | None:
    """By the files nearest in size, as if the cost grew with the size from there on.

    By the mean, since prices are added up, and a sum of medians of times, which are skewed, is too low.
    """
    nearest = sorted(history, key=lambda run: abs(math.log(run[0] / size)))[:_ALIKE]
    if not nearest:
        return None
    rates = sorted(seconds / of for of, seconds, _, _ in nearest)
    likely = fmean(rates[:-1] if len(rates) > _ENOUGH else rates)  # the slowest may have been a cold start
    tokens = fmean(tokens / of for of, _, _, tokens in nearest)
    low, _, high = quantiles(rates, n=4) if len(rates) > 1 else (rates[0],) * 3
    return Price(min(low, likely) * size, likely * size, max(high, likely) * size, tokens * size)
