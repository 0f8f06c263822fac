"""The window: items in flight, and how each of them ends."""

from __future__ import annotations

import contextlib
import logging
import queue
import time
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from prefect.futures import PrefectFuture

from flows.engine.ahead import ItemsAhead
from flows.engine.batch import (
    BatchItem,
    InFlightBatch,
    cancel_running,
    final_state,
    record_state,
    running_stages,
)
from flows.engine.crash import Crash
from flows.engine.forming import FormingBatch
from flows.engine.items import Item, finished_report, outcome_of_duplicate
from flows.engine.left_over import retire_left_over
from flows.engine.outcomes import record_outcomes, report_of
from flows.engine.replaced import retire_replaced
from flows.engine.run import RunContext
from flows.engine.spool import within_reach
from flows.engine.units import Units
from flows.services.log import logger
from medley.catalog import Outcome
from medley.errors import BadInput, NoSpace, Quarantined, TransientError
from medley.records import retire_branches
from medley.report import ItemReport, ItemStatus, error_entry, stop_errors
from medley.system.disk import require_space
from medley.system.points import reach
from medley.system.stop import STOP
from medley.types import Asset, AssetBatch
from tasks.prefect_tasks import submit_stages

_DEATHS = 3  # of workers, before a file that was alone with them each time is given up
_LOSSES = 10  # of nodes and services
_TICK_S = 0.2
_CLAIM_POLL_S = 1.0
_SOFT_S = 2.0
_FORCE_S = 5.0
#: A stage of a batch has ended.
_Event = tuple[InFlightBatch, str, PrefectFuture[Any]]


class Window:
    """Keeps as many batches in flight as there is use for, waits for any, and gives every item exactly one entry."""

    def __init__(self, run_context: RunContext, expected: int) -> None:
        self._run_context = run_context
        self._shared = run_context.units
        self._units = self._shared or Units(run_context.settings)
        self._forming = FormingBatch(run_context.pipeline, expected, self._units.now)
        self._events: queue.SimpleQueue[_Event | None] = queue.SimpleQueue()
        self._batches: list[InFlightBatch] = []
        self._claimed_elsewhere: deque[Item] = deque()
        self._next_claim = 0.0
        self._followers: dict[str, list[Item]] = {}
        self._ended: dict[str, ItemReport] = {}

    def run(self, items: Iterator[Item]) -> None:
        """Works until every item has its entry, or until the run is stopped and the entry of every item says so."""
        ahead = ItemsAhead(items, self._forming.ahead, lambda: self._events.put(None))
        with contextlib.nullcontext() if self._shared else self._units:
            while not STOP.is_set():
                self._fill(ahead)
                if ahead.done and not self._batches and not self._claimed_elsewhere:
                    break
                self._handle_event(_TICK_S)
        self._units.leave(self)
        if STOP.is_set():
            self._cancel()
        elif not self._shared:  # else the parent does, once the files of all its children are in
            retire_replaced(self._run_context.catalog, self._run_context.settings, self._run_context.run.run_id)
        for item in [*self._claimed_elsewhere, *ahead.rest()]:
            self._end(item, item.report or self._not_begun(item, "cancelled", stop_errors()))

    def _fill(self, ahead: ItemsAhead) -> None:
        size = self._units.now
        self._forming.spread(size)
        self._retry_claims()
        while not ahead.done and self._has_room(size) and not STOP.is_set():
            if not (items := ahead.take_some(self._forming.missing)):
                break
            self._begin(items)
        if ahead.done and self._has_room(size):
            self._launch(self._forming.rest())
            self._run_context.all_begun = not self._claimed_elsewhere

    def _has_room(self, size: int) -> bool:
        room = self._units.has_room(self, len(self._batches))
        return room and len(self._claimed_elsewhere) < size * self._forming.most

    def _begin(self, items: Sequence[Item]) -> None:
        """Ends those that are known already, claims the others and lets those that are ours join a batch."""
        wanted: dict[str, Item] = {}
        for item in items:
            if item.report:
                self._end(item, item.report)
            elif item.duplicate_of and item.asset:
                self._follow(item, item.asset)
            elif item.asset:
                wanted[item.asset.asset_id] = item
        if wanted:
            catalog, run = self._run_context.catalog, self._run_context.run
            mine = catalog.claim(wanted, run.run_id)
            outcomes = catalog.outcomes(list(mine), run.flow)
            for asset_id, item in wanted.items():
                if asset_id in mine:
                    self._admit(item, outcomes.get(asset_id))
                else:
                    self._claimed_elsewhere.append(item)

    def _retry_claims(self) -> None:
        """What another run holds is looked at again: perhaps it is done there, perhaps it is ours now."""
        if not self._claimed_elsewhere or time.monotonic() < self._next_claim:
            return
        self._next_claim = time.monotonic() + _CLAIM_POLL_S
        held, self._claimed_elsewhere = self._claimed_elsewhere, deque()
        self._begin(held)

    def _admit(self, item: Item, outcome: Outcome | None) -> None:
        run_context, asset = self._run_context, item.asset
        assert asset, "it was claimed by its content"
        if done := finished_report(item.path, asset, outcome, run_context.plan, run_context.run):
            self._release([item])
            self._end(item, done)  # another run did it while we waited for the claim
            return
        if not run_context.budget.take(asset.size_bytes, run_context.tokens_foreseen(asset)):
            self._release([item])
            self._end(item, self._not_begun(item, "pending", []))
            return
        try:
            require_space(run_context.settings)
            shared = run_context.settings.runner == "local" or not run_context.settings.ray_address
            asset = within_reach(item, asset, run_context.run, shared=shared)
        except (NoSpace, BadInput, TransientError) as error:
            self._release([item])
            self._end(item, self._not_begun(item, "failed", [error_entry(error)]))
            return
        self._launch(self._forming.add(BatchItem(item, asset, again=outcome is not None)))

    def _launch(self, batches: list[list[BatchItem]]) -> None:
        run_context = self._run_context
        for items in batches:
            run_context.connect_store()
            begun = [batch_item.asset.asset_id for batch_item in items]
            reach("claims taken")
            run_context.catalog.begin_attempts(begun, run_context.run.flow, run_context.plan, run_context.run.run_id)
            self._drive(InFlightBatch(run_context.run.dag, items))

    def _drive(self, batch: InFlightBatch) -> None:
        if batch not in self._batches:
            self._batches.append(batch)
        assets = AssetBatch([batch_item.asset for batch_item in batch.items])
        run = self._run_context.run
        batch.begin(submit_stages(assets, run, self._idle_stages(batch)))
        self._run_context.view.running[batch.name] = running_stages(batch)
        for stage, future in batch.futures.items():
            future.add_done_callback(partial(self._tell, batch, stage))
        if not batch.open:
            self._on_finished(batch)

    def _idle_stages(self, batch: InFlightBatch) -> set[str]:
        """Stages that need no task: they have no work, and what a run with other options has left can be removed."""
        idle = batch.idle_stages()
        try:
            for batch_item in batch.items:
                retire_branches(batch_item.asset.asset_id, idle, self._run_context.run)
        except TransientError:
            return set()  # tasks try again
        return idle

    def _tell(self, batch: InFlightBatch, stage: str, future: PrefectFuture[Any]) -> None:
        self._events.put((batch, stage, future))  # in a thread of Ray's or the pool's: nothing more than this

    def _handle_event(self, timeout_s: float) -> None:
        try:
            event = self._events.get(timeout=timeout_s)
        except queue.Empty:
            return
        if event is None:  # an item is there
            return
        batch, stage, future = event
        batch.open.discard(stage)
        self._run_context.view.running[batch.name] = running_stages(batch)
        state = final_state(future)
        if state is not None:
            self._run_context.crashed_task_runs += state.is_crashed()
            self._run_context.ended_task_runs += not state.is_crashed()
        record_state(batch, stage, state)
        if not batch.open:
            self._on_finished(batch)

    def _on_finished(self, batch: InFlightBatch) -> None:
        """What one of many may have brought down is looked for by halving; one alone is driven again, then given up.

        What a lost node or service has ended is driven again as it is.
        """
        self._run_context.view.running.pop(batch.name, None)
        lost = batch.crash is not None and batch.crash.kind == "elsewhere"
        if STOP.is_set() or not (batch.crash or batch.broken):
            self._finish(batch)
        elif lost and batch.drives < _LOSSES:
            self._drive(batch)
        elif not lost and len(batch.items) > 1:
            self._batches.remove(batch)
            for half in batch.halves():
                self._drive(half)
        elif batch.crash and not lost and batch.deaths < _DEATHS:
            self._drive(batch)
        else:
            if batch.crash:
                for batch_item in batch.items:
                    batch_item.errors.append(batch.crash.error if lost else _quarantined(batch, batch.crash))
            self._finish(batch)

    def _finish(self, batch: InFlightBatch) -> None:
        """Only what we claimed is noted and tidied: another run may be at work on an item that we never began."""
        self._batches.remove(batch)
        self._run_context.view.running.pop(batch.name, None)
        retire_left_over(batch.items, self._run_context.run, self._run_context.catalog)
        reports = [report_of(batch_item, batch, self._run_context.run) for batch_item in batch.items]
        record_outcomes(batch, reports, self._run_context)
        self._release([batch_item.item for batch_item in batch.items])
        for batch_item, report in zip(batch.items, reports, strict=True):
            self._end(batch_item.item, report)

    def _release(self, items: Sequence[Item]) -> None:
        """What has its outcome in the catalog is free for other runs."""
        claimed = [item.asset.asset_id for item in items if item.asset]
        self._run_context.catalog.release(claimed, self._run_context.run.run_id)

    def _follow(self, item: Item, asset: Asset) -> None:
        """A second path of the same content takes the first one's outcome."""
        first = self._ended.get(asset.asset_id)
        if first is None:
            self._followers.setdefault(asset.asset_id, []).append(item)
            return
        self._end(item, outcome_of_duplicate(item.path, item.duplicate_of or first.path, first))

    def _end(self, item: Item, report: ItemReport) -> None:
        run_context, asset = self._run_context, item.asset
        if asset and item.duplicate_of is None:
            self._ended[asset.asset_id] = report
        run_context.report.add(report)
        level = logging.WARNING if report.errors else logging.INFO
        why = "".join(f"; {error['message']}" for error in report.errors)
        logger.log(level, "%s: %s, records %s%s", report.path, report.status, report.records, why)
        run_context.view.ended(report)
        for follower in self._followers.pop(asset.asset_id, []) if asset else []:
            self._follow(follower, asset)  # type: ignore[arg-type]  # no followers without an asset

    def _cancel(self) -> None:
        """Items in flight are interrupted, softly first; whatever does not end by then is cancelled all the same."""
        for force, patience_s in ((False, _SOFT_S), (True, _FORCE_S)):
            cancel_running(force)
            deadline = time.monotonic() + patience_s
            while self._batches and time.monotonic() < deadline:
                self._handle_event(_TICK_S)
        for batch in list(self._batches):
            for batch_item in batch.items:
                batch_item.cancelled = True
            self._finish(batch)
        for batch_item in self._forming.items:
            self._end(batch_item.item, self._not_begun(batch_item.item, "cancelled", stop_errors()))

    def _not_begun(self, item: Item, status: ItemStatus, errors: list[dict[str, Any]]) -> ItemReport:
        media_type = item.asset.media.media_type if item.asset else None
        return ItemReport(item.path, status, item.asset.asset_id if item.asset else None, media_type, errors=errors)


def _quarantined(batch: InFlightBatch, crash: Crash) -> Quarantined:
    error = Quarantined(
        f"a worker process died {batch.deaths} times over it, the last time in stage {crash.stage}: {crash.why}",
        file=batch.items[0].asset.path,
        remedy="See the logs; try it alone with --force",
    )
    error.stage = crash.stage
    return error
