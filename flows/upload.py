"""Uploads: what has landed in upload folders and buckets is drained from the catalog until nothing waits."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.engine.flow import flow_options
from flows.engine.parent_flow import joined_parent, parent_state
from flows.uploads.drain import drain
from medley.options import IngestOptions

_DEFAULTS = IngestOptions()
_NONE: list[str] = []


@flow(name="upload", **flow_options("upload"))
def ingest_uploads(paths: list[str] = _NONE, options: IngestOptions = _DEFAULTS) -> Any:
    """Makes uploaded files searchable.

    Args:
        paths: Files that have just landed, where the sender knows them. All that waits is taken in any case.
        options: What to do with them.

    """
    with joined_parent("upload", options) as parent:
        drain(paths, parent)
        return parent_state(parent)
