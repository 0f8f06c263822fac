"""The flows of parent runs: they hand files to the flows of pipelines."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.engine.flow import flow_options, state_of
from flows.engine.liveness import monitored
from flows.engine.parent import Parent, open_parent
from flows.engine.pruning import prune
from flows.engine.routing import batches, files_of
from flows.engine.run import deployed
from flows.services.signals import stop_on_signals
from medley.budget import budget_of
from medley.options import IngestOptions
from medley.plain import native_name
from medley.sources.urls import without_password

_NONE: list[str] = []


@contextlib.contextmanager
def joined_parent(
    name: str, options: IngestOptions, *, force: bool = False, parent: Parent | None = None
) -> Iterator[Parent]:
    """Yields, within a flow, the parent run of the command that started the flow, or a new one for a deployed run."""
    with contextlib.ExitStack() as exits:
        own = parent is None
        if parent is None:
            settings = exits.enter_context(deployed())
            parent = exits.enter_context(open_parent(name, options, settings, force=force))
        prefect_run_id = str(flow_run.id)
        parent.catalog.record_prefect_run(parent.run_id, prefect_run_id)
        with stop_on_signals(), monitored(prefect_run_id, parent.settings.home):
            yield parent
        if own:
            exits.callback(parent.catalog.close_prefect_run, prefect_run_id)
        else:
            parent.flow_runs[prefect_run_id] = (0, 0)


def parent_state(parent: Parent) -> State[dict[str, Any]]:
    """Returns the state that tells Prefect how a parent run ended."""
    return state_of(parent.report, parent.run_id, cut_short=parent.status == "cancelled")


def ingest_flow(joined: Parent | None = None) -> Any:
    """Makes the flow `ingest`; with `joined` one that goes on with a parent run of this process."""

    @flow(name="ingest", **flow_options("ingest"))
    def ingest_sources(
        sources: list[str] = _NONE,
        options: IngestOptions = IngestOptions(),  # noqa: B008  # frozen
        force: bool = False,
        pruned: bool = False,
        budget: str = "",
    ) -> Any:
        """Makes everything in some folders or buckets searchable.

        Args:
            sources: Folders, files or patterns on the machine where the worker runs, lists of them, or URLs of buckets.
                Empty: what is watched for uploads.
            options: What to do with the files.
            force: Do everything again, whatever is known of these files.
            pruned: Take out of the index what is no longer in those folders.
            budget: Time, size of files or tokens of endpoints (2h, 50GB, 100000tokens) after which no further file is
                begun: the next run goes on.

        """
        with joined_parent("ingest", options, force=force, parent=joined) as parent:
            if budget:
                parent.budget = budget_of(budget)
            _ingest(sources, parent, pruned=pruned)
            return parent_state(parent)

    return ingest_sources


def _ingest(sources: list[str], parent: Parent, *, pruned: bool) -> None:
    wanted = [without_password(native_name(source)) for source in sources] or [parent.settings.upload_source]
    if parent.batches is None:
        parent.batches = batches(files_of(wanted, parent.refuse), parent.settings.routes)
    parent.work()
    if pruned:
        prune(wanted, parent)
