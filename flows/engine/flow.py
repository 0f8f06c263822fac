"""What every flow does around its picture: runs the window under signals and guard, and shows the result in Prefect."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows.engine.items import Item
from flows.engine.liveness import monitored
from flows.engine.parent import Parent, current_parent, open_parent
from flows.engine.prefect_artifacts import PrefectProgress, publish_items
from flows.engine.run import RunContext, deployed
from flows.engine.window import Submit, Window
from flows.services.log import attached
from flows.services.ray_runner import MedleyRayRunner
from flows.services.signals import stop_on_signals
from medley.options import IngestOptions
from medley.plain import native_name, printable
from medley.report import ReportFile, run_status


def flow_options(name: str) -> dict[str, Any]:
    """Arguments of Prefect's decorator that are the same for all flows."""
    return {
        "task_runner": MedleyRayRunner(),
        "flow_run_name": lambda: _run_name(name),
        "persist_result": False,
        "log_prints": False,
    }


def window(items: Iterator[Item], submit: Submit, known: RunContext, unit: int = 1) -> RunContext:
    """Every item gets its entry in the run's report, or the run is stopped and every item says so."""
    known.prefect_run_id = str(flow_run.id)
    known.catalog.record_prefect_run(known.run.run_id, known.prefect_run_id)
    known.view = PrefectProgress(known.view, known.run.run_id, len(flow_run.parameters.get("paths") or []))
    with (
        stop_on_signals(),
        monitored(known.prefect_run_id, known.settings.home),
        attached(known.log_handlers, "prefect"),
    ):
        Window(known, submit, unit).run(items)
    return known


def report(known: RunContext) -> State[dict[str, Any]]:
    """The run's items in Prefect's UI, and the state that says how it ended."""
    return state_of(known.report, known.run.run_id)


def state_of(file: ReportFile, run_id: str, *, cut_short: bool = False) -> State[dict[str, Any]]:
    """The same for any report; `cut_short` where not everything has an entry."""
    publish_items(file, run_id)
    counts = dict(file.counts)
    status = "cancelled" if cut_short else run_status(file.counts.elements())
    message = _first_line(file, counts)
    data = {"counts": counts, "report": str(file.path)}
    if status == "cancelled":
        return Cancelled(message=message)
    if status == "failed":
        return Failed(message=message)
    if status == "partial":  # as the exit status of a command: somebody is to look at it
        return Failed(name="Partial", message=message, data=data)
    return Completed(message=message, data=data)


def _run_name(flow: str) -> str:
    paths = flow_run.parameters.get("paths") or []
    if not paths:
        return flow
    first = printable(native_name(str(paths[0])).rsplit("/", 1)[-1])
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{flow} · {first}{more}"


def _first_line(file: ReportFile, counts: dict[str, int]) -> str:
    summary = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "no items"
    failed = list(islice((printable(item["error"]["message"]) for item in file.items() if item["error"]), 3))
    return f"{summary}: {'; '.join(failed)}" if failed else summary


@contextlib.contextmanager
def joined_parent(flow: str, options: IngestOptions, *, force: bool = False) -> Iterator[Parent]:
    """Within a flow: the parent run that the command opened in this process, or one of its own for a deployed run."""
    with contextlib.ExitStack() as exits:
        parent = current_parent()
        own = parent is None
        if parent is None:
            settings = exits.enter_context(deployed())
            parent = exits.enter_context(open_parent(flow, options, settings, force=force))
        prefect_run_id = str(flow_run.id)
        parent.catalog.record_prefect_run(parent.run_id, prefect_run_id)
        with stop_on_signals(), monitored(prefect_run_id, parent.settings.home):
            yield parent
        if own:
            exits.callback(parent.catalog.close_prefect_run, prefect_run_id)
        else:
            parent.flow_runs.append(prefect_run_id)


def parent_state(parent: Parent) -> State[dict[str, Any]]:
    """How the whole of it ended, for Prefect."""
    return state_of(parent.report, parent.run_id, cut_short=parent.status == "cancelled")
