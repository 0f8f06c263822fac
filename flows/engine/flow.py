"""What every flow does around its picture: runs the window under signals and guard, and shows the result in Prefect."""

from __future__ import annotations

import contextlib
from itertools import islice
from typing import Any

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows.engine.liveness import monitored
from flows.engine.prefect_artifacts import PrefectProgress, publish_items
from flows.engine.run import RunContext, deployed_run
from flows.engine.window import Window
from flows.services.log import attached
from flows.services.ray_runner import task_runner_of
from flows.services.signals import stop_on_signals
from medley.dag.pipeline import Pipeline
from medley.options import FileOptions
from medley.plain import native_name, printable
from medley.report import ReportFile, run_status
from medley.settings import Settings, load_settings


def flow_options(name: str, settings: Settings | None = None) -> dict[str, Any]:
    """Arguments of Prefect's decorator that are the same for all flows; `settings` where they have been read."""
    return {
        "task_runner": task_runner_of(settings or load_settings()),
        "flow_run_name": lambda: _run_name(name),
        "persist_result": False,
        "log_prints": False,
    }


def ingest(
    pipeline: Pipeline, paths: list[str], options: FileOptions, *, force: bool, run_context: RunContext | None
) -> State[dict[str, Any]]:
    """Runs the body of every pipeline's flow: goes on with the command's run, or opens one for a deployed run."""
    with contextlib.ExitStack() as exits:
        run_context = run_context or exits.enter_context(deployed_run(pipeline, options, force=force))
        run_context.prefect_run_id = str(flow_run.id)
        run_context.catalog.record_prefect_run(run_context.run.run_id, run_context.prefect_run_id)
        run_context.view = PrefectProgress(run_context.view, run_context.run.run_id, len(paths))
        exits.enter_context(stop_on_signals())
        exits.enter_context(monitored(run_context.prefect_run_id, run_context.settings.home))
        exits.enter_context(attached(run_context.log_handlers, "prefect"))
        Window(run_context, len(paths)).run(run_context.identify(paths))
        return state_of(run_context.report, run_context.run.run_id)


def state_of(file: ReportFile, run_id: str, *, cut_short: bool = False) -> State[dict[str, Any]]:
    """Shows any report in Prefect and returns the flow run's final state.

    `cut_short` is given where not everything has an entry in the report.
    """
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
