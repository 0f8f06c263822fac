"""One item in flight: its futures, what came of them, and how that is told."""

from __future__ import annotations

import asyncio
import concurrent.futures
from dataclasses import dataclass, field
from typing import Any

from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture

from flows._identify import Item
from flows._log import logger
from flows._runner import MedleyRayRunner
from medley.errors import Cancelled, CorruptMedia, MedleyError
from medley.report import StageReport
from medley.stages import STAGES
from medley.stop import stop_requested
from medley.types import ArtifactRef, Asset, utc_now


@dataclass(slots=True)
class Flight:
    """An item in flight."""

    item: Item
    asset: Asset
    began: float
    futures: dict[str, PrefectFuture[Any]] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    stages: dict[str, StageReport] = field(default_factory=dict)
    errors: list[MedleyError] = field(default_factory=list)
    drives: int = 0
    worker_died: str = ""
    cancelled: bool = False


def running_stages(flight: Flight) -> list[str]:
    """The first open stage of each branch."""
    first: dict[str, str] = {}
    for stage in flight.futures:
        if stage in flight.open:
            first.setdefault(STAGES[stage].branch, stage)
    return list(first.values())


def final_state(future: PrefectFuture[Any]) -> State[Any] | None:
    """The final state of a future that is done; None where it was cancelled before it began."""
    try:
        future.wait()
    except (asyncio.CancelledError, concurrent.futures.CancelledError):
        return None
    return future._final_state  # `.state` would ask the API


def note_state(flight: Flight, stage: str, state: State[Any] | None) -> None:
    """Files what became of a stage: done, failed with which error, cancelled, or its worker died."""
    if state is None:
        flight.cancelled = True
        return
    if not state.is_final():
        return  # never ran: the stage before it failed
    result = state.result(raise_on_failure=False)
    if isinstance(result, ArtifactRef):
        _note_success(flight, stage, result)
    elif state.is_crashed():
        if stop_requested():
            flight.cancelled = True
        else:
            logger.error("%s: the worker died in %s: %s", flight.item.path, stage, state.message)
            flight.worker_died = flight.worker_died or stage
    else:
        _note_failure(flight, stage, result)


def _note_success(flight: Flight, stage: str, result: ArtifactRef) -> None:
    if result.damage and all(error.reason != result.damage for error in flight.errors):
        remedy = "The rest is searchable; if you have a better copy, give that"
        damaged = CorruptMedia(result.damage, file=flight.asset.path, remedy=remedy)
        damaged.stage, damaged.started = stage, result.started
        flight.errors.append(damaged)
    if result.cached and stage in flight.stages:
        return  # the item was driven again: this run did the stage before its worker died
    done = StageReport(stage, "completed", result.started, result.seconds, result.attempts)
    if result.cached:
        done.state = "cached"
    elif result.skipped:
        done.state = "skipped"
    flight.stages[stage] = done
    logger.info("%s: %s %s in %.3f s", flight.item.path, stage, done.state, done.seconds)


def _note_failure(flight: Flight, stage: str, error: Any) -> None:
    if not isinstance(error, MedleyError):  # a bug of ours or a library's: named, not hidden
        unexpected = MedleyError(f"{type(error).__name__}: {error}", file=flight.asset.path)
        unexpected.stage, unexpected.started = stage, utc_now()
        error = unexpected
    if not isinstance(error, Cancelled):
        logger.error("%s: %s failed", flight.item.path, stage, exc_info=error)
        flight.stages[stage] = StageReport(stage, "failed", error.started, error.seconds, error.attempts)
    flight.errors.append(error)


def forget_future(future: PrefectFuture[Any]) -> None:
    """The runner keeps no reference to what is done: memory does not grow with the number of items."""
    context = FlowRunContext.get()
    if context and isinstance(context.task_runner, MedleyRayRunner):
        context.task_runner.forget(future)


def cancel_running(force: bool) -> None:
    """On Ray the tasks are interrupted; threads see the stop flag by themselves."""
    context = FlowRunContext.get()
    if context and isinstance(context.task_runner, MedleyRayRunner):
        context.task_runner.cancel_all(force=force)
