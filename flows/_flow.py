"""What every flow does around its picture: runs the window under signals and guard, and shows the result in Prefect."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Iterator
from typing import Any

from prefect import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows._artifacts import Progress, publish_items
from flows._identify import Item
from flows._items import Submit, Window
from flows._log import attached
from flows._run import OpenRun
from flows._runner import MedleyRayRunner
from flows._signals import stop_on_signals
from medley.report import run_status
from medley.stop import request_stop, stop_requested

_GUARD_S = 3.0


def flow_options(name: str) -> dict[str, Any]:
    """Arguments of Prefect's decorator that are the same for all flows."""
    return {
        "task_runner": MedleyRayRunner(),
        "flow_run_name": lambda: _run_name(name),
        "persist_result": False,
        "log_prints": False,
    }


def window(items: Iterator[Item], submit: Submit, known: OpenRun) -> OpenRun:
    """Every item gets its entry in the run's report, or the run is stopped and every item says so."""
    known.prefect_run_id = str(flow_run.id)
    known.catalog.note_prefect_run(known.run.run_id, known.prefect_run_id)
    known.view = Progress(known.view, known.run.run_id, len(flow_run.parameters.get("paths") or []))
    with stop_on_signals(), _guarded(known.prefect_run_id), attached(known.log_handlers, "prefect"):
        Window(known, submit).run(items)
    return known


def report(known: OpenRun) -> State[dict[str, Any]]:
    """The run's items in Prefect's UI, and the state that says how it ended."""
    items = known.report.items()
    publish_items(items, known.run.run_id)
    counts = dict(known.report.counts)
    status = run_status(known.report.counts.elements())
    message = _first_line(items, counts)
    data = {"counts": counts, "report": str(known.report.path)}
    if status == "cancelled":
        return Cancelled(message=message)
    if status == "failed":
        return Failed(message=message)
    return Completed(name="Completed" if status == "complete" else "Partial", message=message, data=data)


def _run_name(flow: str) -> str:
    paths = flow_run.parameters.get("paths") or []
    first = str(paths[0]).rsplit("/", 1)[-1] if paths else "nothing"
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{flow} · {first}{more}"


def _first_line(items: list[dict[str, Any]], counts: dict[str, int]) -> str:
    summary = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "no items"
    failed = [item["error"]["message"] for item in items if item["error"]]
    return f"{summary}: {'; '.join(failed[:3])}" if failed else summary


@contextlib.contextmanager
def _guarded(run_id: str) -> Iterator[None]:
    """Cancelled in the UI: Prefect tells a flow's process nothing, so its own state is read every few seconds."""
    done = threading.Event()
    context = contextvars.copy_context()  # Prefect's settings, and with them its URL, are in there
    guard = threading.Thread(target=context.run, args=(_watch_state, run_id, done), daemon=True)
    guard.start()
    try:
        yield
    finally:
        done.set()
        guard.join(timeout=_GUARD_S)


def _watch_state(run_id: str, done: threading.Event) -> None:
    import httpx

    with get_client(sync_client=True) as client:
        while not done.wait(_GUARD_S) and not stop_requested():
            try:
                state = client.read_flow_run(run_id).state  # type: ignore[arg-type]
            except httpx.HTTPError:
                continue  # the server is busy or away: the tasks will tell
            if state and (state.is_cancelling() or state.is_cancelled()):
                request_stop()
