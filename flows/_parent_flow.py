"""What the flows of parent runs do around their work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows._flow import state_of
from flows._guard import guarded
from flows._parent import Parent, current_parent, open_parent
from flows._run import deployed
from flows._signals import stop_on_signals
from medley.options import IngestOptions


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
        parent.catalog.note_prefect_run(parent.run_id, prefect_run_id)
        with stop_on_signals(), guarded(prefect_run_id, parent.settings.home):
            yield parent
        if own:
            exits.callback(parent.catalog.close_prefect_run, prefect_run_id)
        else:
            parent.flow_runs.append(prefect_run_id)


def parent_state(parent: Parent) -> State[dict[str, Any]]:
    """How the whole of it ended, for Prefect."""
    return state_of(parent.report, parent.run_id, cut_short=parent.status == "cancelled")
