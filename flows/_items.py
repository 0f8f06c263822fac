"""The window: items in flight, and how each of them ends."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from prefect.futures import PrefectFuture

from flows._copies import drop_copy, make_copy
from flows._flight import Flight, cancel_running, final_state, forget_future, note_state, running_stages
from flows._identify import Item, outcome_of_duplicate, records_of, settled
from flows._log import logger
from flows._run import OpenRun
from medley.artifacts import ArtifactStore
from medley.catalog import Outcome
from medley.errors import BadInput, Cancelled, NoSpace, Quarantined, TransientError
from medley.records import retire
from medley.report import ItemReport, ItemStatus, error_entry, stop_errors
from medley.run import Run
from medley.space import require_space
from medley.stages import STAGES
from medley.stop import stop_requested
from medley.types import Asset

#: What a flow module gives us: submits every stage of an asset, returns the futures in the order of the stages.
Submit = Callable[[Asset, Run], list[PrefectFuture[Any]]]
_DRIVES = 3  # the first and two more, where a worker process died
_TICK_S = 0.2
_CLAIM_POLL_S = 1.0
_SOFT_S = 2.0
_FORCE_S = 5.0


class Window:
    """Keeps up to `settings.window` items in flight, waits for any, and gives every item exactly one entry."""

    def __init__(self, known: OpenRun, submit: Submit) -> None:
        self._known = known
        self._submit = submit
        self._events: queue.SimpleQueue[tuple[Flight, str, PrefectFuture[Any]]] = queue.SimpleQueue()
        self._flights: list[Flight] = []
        self._claimed_elsewhere: deque[Item] = deque()
        self._next_claim = 0.0
        self._followers: dict[str, list[Item]] = {}
        self._ended: dict[str, ItemReport] = {}

    def run(self, items: Iterator[Item]) -> None:
        """Until every item has its entry, or the run is stopped and every item says so."""
        while not stop_requested():
            self._fill(items)
            if not self._flights and not self._claimed_elsewhere:
                break
            self._handle_event(_TICK_S)
        if stop_requested():
            self._cancel()
        else:
            self._retire_replaced()
        for item in [*self._claimed_elsewhere, *items]:
            self._end(item, item.report or self._not_begun(item, "cancelled", stop_errors()))

    def _fill(self, items: Iterator[Item]) -> None:
        size = self._known.settings.window
        self._retry_claims()
        while len(self._flights) < size and len(self._claimed_elsewhere) < size and not stop_requested():
            item = next(items, None)
            if item is None:
                return
            self._begin(item)

    def _begin(self, item: Item) -> None:
        if item.report:
            self._end(item, item.report)
        elif item.duplicate_of and item.asset:
            self._follow(item, item.asset)
        elif item.asset and self._known.catalog.claim(item.asset.asset_id, self._known.run.run_id):
            self._launch(item, item.asset)
        else:
            self._claimed_elsewhere.append(item)

    def _retry_claims(self) -> None:
        """What another run holds is looked at again: perhaps it is done there, perhaps it is ours now."""
        if not self._claimed_elsewhere or time.monotonic() < self._next_claim:
            return
        self._next_claim = time.monotonic() + _CLAIM_POLL_S
        for _ in range(len(self._claimed_elsewhere)):
            self._begin(self._claimed_elsewhere.popleft())

    def _launch(self, item: Item, asset: Asset) -> None:
        known = self._known
        if done := settled(item.path, asset, known.flow, known.plan, known.catalog, known.run):
            self._end(item, done)  # another run did it while we waited for the claim
            return
        try:
            require_space(known.settings)
            make_copy(item, asset)
        except (NoSpace, BadInput, TransientError) as error:
            self._end(item, self._not_begun(item, "failed", [error_entry(error)]))
            return
        known.connect_store()
        known.catalog.begin_attempt(asset, known.flow, known.plan, known.run.run_id)
        flight = Flight(item, asset, time.monotonic())
        self._flights.append(flight)
        self._drive(flight)

    def _drive(self, flight: Flight) -> None:
        flight.drives += 1
        flight.worker_died = ""
        flight.errors.clear()
        submitted = self._submit(flight.asset, self._known.run)
        flight.futures = dict(zip(self._known.run.fingerprints, submitted, strict=True))
        flight.open = set(flight.futures)
        self._known.view.stage(flight.item.path, running_stages(flight))
        for stage, future in flight.futures.items():
            future.add_done_callback(partial(self._tell, flight, stage))

    def _tell(self, flight: Flight, stage: str, future: PrefectFuture[Any]) -> None:
        self._events.put((flight, stage, future))  # in a thread of Ray's or the pool's: nothing more than this

    def _handle_event(self, timeout_s: float) -> None:
        try:
            flight, stage, future = self._events.get(timeout=timeout_s)
        except queue.Empty:
            return
        flight.open.discard(stage)
        note_state(flight, stage, final_state(future))
        forget_future(future)
        self._known.view.stage(flight.item.path, running_stages(flight))
        if not flight.open:
            self._land(flight)

    def _land(self, flight: Flight) -> None:
        if flight.worker_died and not stop_requested():
            if flight.drives < _DRIVES:
                self._drive(flight)
                return
            quarantined = Quarantined(
                f"a worker process died {flight.drives} times in stage {flight.worker_died}",
                file=flight.asset.path,
                remedy="See the logs; try it alone with --force",
            )
            quarantined.stage = flight.worker_died
            flight.errors.append(quarantined)
        self._finish(flight)

    def _finish(self, flight: Flight) -> None:
        """Only what we claimed is noted and tidied: another run may be at work on an item that we never began."""
        self._flights.remove(flight)
        report = self._report_of(flight)
        self._note_outcome(flight.asset, report)
        self._end(flight.item, report)

    def _report_of(self, flight: Flight) -> ItemReport:
        asset, run = flight.asset, self._known.run
        drop_copy(flight.item, flight.errors)
        errors = [error_entry(error) for error in flight.errors if not isinstance(error, Cancelled)]
        cancelled = flight.cancelled or len(errors) < len(flight.errors)
        records = records_of(asset, run)
        errors += stop_errors() if cancelled else []
        done = all(stage in flight.stages for stage in flight.futures) and not errors
        status = "complete" if done else "cancelled" if cancelled else "partial" if records else "failed"
        return ItemReport(
            flight.item.path,
            status,  # type: ignore[arg-type]  # mypy widens the chain of conditions to str
            asset.asset_id,
            asset.media.media_type,
            records=records,
            seconds=round(time.monotonic() - flight.began, 3),
            stages=[flight.stages[name] for name in flight.futures if name in flight.stages],
            errors=errors,
        )

    def _follow(self, item: Item, asset: Asset) -> None:
        """A second path of the same content takes the first one's outcome."""
        first = self._ended.get(asset.asset_id)
        if first is None:
            self._followers.setdefault(asset.asset_id, []).append(item)
            return
        self._end(item, outcome_of_duplicate(item.path, item.duplicate_of or first.path, first))

    def _end(self, item: Item, report: ItemReport) -> None:
        known, asset = self._known, item.asset
        if asset and item.duplicate_of is None:
            known.catalog.release(asset.asset_id, known.run.run_id)
            self._ended[asset.asset_id] = report
        known.report.add(report)
        logger.info("%s: %s, records %s", report.path, report.status, report.records)
        known.view.ended(report)
        for follower in self._followers.pop(asset.asset_id, []) if asset else []:
            self._follow(follower, asset)  # type: ignore[arg-type]  # no followers without an asset

    def _note_outcome(self, asset: Asset, report: ItemReport) -> None:
        known = self._known
        before = known.catalog.outcome(asset.asset_id, known.flow)
        attempts = before.attempts if before else 0
        outcome = Outcome(known.plan, report.status, report.errors, report.records, attempts)
        known.catalog.note_outcome(asset.asset_id, known.flow, outcome, known.run.run_id)
        known.catalog.note_stages(
            [
                {
                    "run_id": known.run.run_id,
                    "asset_id": asset.asset_id,
                    "stage": stage.name,
                    "fingerprint": known.run.fingerprints[stage.name],
                    "state": stage.state,
                    "started": stage.started,
                    "seconds": stage.seconds,
                    "attempts": stage.attempts,
                }
                for stage in report.stages
            ]
        )
        drop_transient(asset, known.run)

    def _cancel(self) -> None:
        """Items in flight are interrupted, softly first; whatever does not end by then is cancelled all the same."""
        for force, patience_s in ((False, _SOFT_S), (True, _FORCE_S)):
            cancel_running(force)
            deadline = time.monotonic() + patience_s
            while self._flights and time.monotonic() < deadline:
                self._handle_event(_TICK_S)
        for flight in list(self._flights):
            flight.cancelled = True
            self._finish(flight)

    def _retire_replaced(self) -> None:
        """Assets whose last path shows something else now: their records go, after the new ones are in."""
        for asset_id in self._known.catalog.replaced_assets():
            retire(asset_id, self._known.connect_store())
            self._known.catalog.forget_outcomes(asset_id)

    def _not_begun(self, item: Item, status: ItemStatus, errors: list[dict[str, Any]]) -> ItemReport:
        media_type = item.asset.media.media_type if item.asset else None
        return ItemReport(item.path, status, item.asset.asset_id if item.asset else None, media_type, errors=errors)


def drop_transient(asset: Asset, run: Run) -> None:
    """WAV files and their like are not kept longer than the run needs them."""
    artifacts = ArtifactStore(run.artifacts)
    for stage in STAGES.values():
        if stage.transient_for:
            artifacts.remove(asset.asset_id, stage.name, run.fingerprints[stage.name])
