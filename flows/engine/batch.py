"""Items in flight: their futures, what came of them, and how that is told."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture

from flows.engine.crash import Crash, crash_of
from flows.engine.items import Item
from flows.services.log import logger
from flows.services.ray_runner import StockRayRunner
from medley.dag.pipeline import Dag
from medley.errors import Cancelled, CorruptMedia, MedleyError, SetupError, TransientError
from medley.report import StageReport
from medley.system.stop import STOP
from medley.types import ArtifactRef, Asset, AssetBatch, named, utc_now


@dataclass(slots=True, eq=False)
class BatchItem:
    """One item of a batch."""

    item: Item
    asset: Asset
    began: float = field(default_factory=time.monotonic)
    stages: dict[str, StageReport] = field(default_factory=dict)
    errors: list[MedleyError] = field(default_factory=list)
    results: dict[str, ArtifactRef] = field(default_factory=dict)  #: what stages have said that did not fail
    cancelled: bool = False
    again: bool = False  #: it has been worked on before, perhaps with other options


@dataclass(slots=True, eq=False)
class InFlightBatch:
    """Items that go through the stages together."""

    dag: Dag
    items: list[BatchItem]
    futures: dict[str, PrefectFuture[Any]] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    drives: int = 0
    deaths: int = 0  #: of these, how many ended with the death of a worker
    crash: Crash | None = None
    broken: bool = False  #: a stage failed as a whole, for a reason that may lie in one item

    name: str = field(init=False)  #: for people

    def __post_init__(self) -> None:
        self.name = named([batch_item.item.path for batch_item in self.items])

    def halves(self) -> list[InFlightBatch]:
        """Splits the batch into two smaller ones, to be driven anew: finished stages come back cached."""
        middle = len(self.items) // 2
        return [InFlightBatch(self.dag, part) for part in (self.items[:middle], self.items[middle:])]

    def idle_stages(self) -> set[str]:
        """Names the stages that have nothing to do for any item, and records that for each item."""
        skipped = [self.dag.skipped(batch_item.asset) for batch_item in self.items]
        idle = set.intersection(*(set(each) for each in skipped))
        for batch_item, reasons in zip(self.items, skipped, strict=True):
            for stage in idle:
                why, now = reasons[stage], utc_now()
                _record_success(
                    batch_item, stage, ArtifactRef(batch_item.asset, stage, "", "", skipped=why, started=now)
                )
        return idle

    def begin(self, futures: dict[str, PrefectFuture[Any]]) -> None:
        """Begins one more drive of the batch through its stages, from nothing but what is kept."""
        self.drives += 1
        self.crash, self.broken = None, False
        for batch_item in self.items:
            batch_item.errors.clear()
        self.futures, self.open = futures, set(futures)


def running_stages(batch: InFlightBatch) -> list[str]:
    """Lists the first open stage of each branch of a batch."""
    first: dict[str, str] = {}
    for stage in batch.dag.values():
        if stage.name in batch.open:
            first.setdefault(stage.branch, stage.name)
    return list(first.values())


def final_state(future: PrefectFuture[Any]) -> State[Any] | None:
    """Returns the final state of a future that is done; None where the future was cancelled before it began."""
    try:
        future.wait()
    except (asyncio.CancelledError, concurrent.futures.CancelledError):
        return None
    return future.state  # known by now: the API is not asked


def record_state(batch: InFlightBatch, stage: str, state: State[Any] | None) -> None:
    """Records what became of a stage: done, failed with which error, cancelled, or its worker died."""
    if state is None:
        _cancel(batch)
        return
    if not state.is_final():
        return  # never ran: the stage before it failed
    result, seconds = state.result(raise_on_failure=False), 0.0
    if isinstance(result, AssetBatch):
        done: Counter[str] = Counter()
        for batch_item, part in zip(batch.items, result.parts, strict=True):
            if isinstance(part, ArtifactRef) and (ended := _record_part(batch_item, stage, part)):
                done[ended.state] += 1
                seconds += ended.seconds
        if done:
            states = ", ".join(state if len(batch.items) == 1 else f"{n} {state}" for state, n in done.items())
            logger.info("%s: %s %s in %.3f s", batch.name, stage, states, seconds)
    elif state.is_crashed():
        if STOP.is_set():
            _cancel(batch)
        else:
            _record_crash(batch, crash_of(stage, result, state.message or ""))
    else:
        _record_failure(batch, stage, result)


def _record_crash(batch: InFlightBatch, crash: Crash) -> None:
    logger.error("%s: %s crashed: %s", batch.name, crash.stage, crash.why)
    if crash.kind in ("setup", "bug"):
        _record_failure(batch, crash.stage, crash.error)
    elif batch.crash is None:
        batch.crash = crash
        batch.deaths += crash.kind == "worker"


def _cancel(batch: InFlightBatch) -> None:
    for batch_item in batch.items:
        batch_item.cancelled = True


def _record_part(batch_item: BatchItem, stage: str, part: ArtifactRef) -> StageReport | None:
    """Files what became of one item; gives its entry where the stage was done in this run."""
    error = part.error
    if error is None:
        return _record_success(batch_item, stage, part)
    if error.stage == stage:  # else the stage before has told it
        logger.error("%s: %s failed: %s", batch_item.item.path, stage, error)
        _record_error(batch_item, stage, error)
    return None


def _record_success(batch_item: BatchItem, stage: str, result: ArtifactRef) -> StageReport | None:
    batch_item.results[stage] = result
    if result.damage and all(error.reason != result.damage for error in batch_item.errors):
        remedy = "The rest is searchable; if you have a better copy, give that"
        damaged = CorruptMedia(result.damage, file=batch_item.asset.path, remedy=remedy)
        damaged.stage, damaged.started = stage, result.started
        batch_item.errors.append(damaged)
    if result.cached and stage in batch_item.stages:
        return None  # the item was driven again: this run did the stage before its worker died
    done = StageReport(stage, "completed", result.started, result.seconds, result.attempts, result.tokens)
    if result.cached:
        done.state, done.tokens = "cached", 0
    elif result.skipped:
        done.state = "skipped"
    batch_item.stages[stage] = done
    return done


def _record_failure(batch: InFlightBatch, stage: str, error: Any) -> None:
    """A stage failed as a whole."""
    if not isinstance(error, MedleyError):  # a bug of ours or a library's: named, not hidden
        unexpected = MedleyError(f"{type(error).__name__}: {error}", file=batch.items[0].asset.path)
        unexpected.stage, unexpected.started = stage, utc_now()
        error = unexpected
    if not isinstance(error, Cancelled):
        logger.error("%s: %s failed", batch.name, stage, exc_info=error)
    batch.broken = batch.broken or not isinstance(error, (Cancelled, SetupError, TransientError))
    for batch_item in batch.items:
        _record_error(batch_item, stage, error)


def _record_error(batch_item: BatchItem, stage: str, error: MedleyError) -> None:
    if not isinstance(error, Cancelled):
        batch_item.stages[stage] = StageReport(stage, "failed", error.started, error.seconds, error.attempts)
    batch_item.errors.append(error)


def cancel_running(force: bool) -> None:
    """Interrupts the tasks of the flow run where they are on Ray; threads see the stop flag by themselves."""
    context = FlowRunContext.get()
    if context and isinstance(context.task_runner, StockRayRunner):
        context.task_runner.cancel_all(force=force)
