"""Folders of everything: a parent run that hands files to the flows of their modalities."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows._flow import flow_options
from flows._parent import parent_run
from flows._routing import ingest
from medley.options import IngestOptions

_DEFAULTS = IngestOptions()
_NONE: list[str] = []


@flow(name="ingest", **flow_options("ingest"))
def ingest_folders(folders: list[str] = _NONE, options: IngestOptions = _DEFAULTS, force: bool = False) -> Any:
    """Makes everything in some folders searchable.

    Args:
        folders: Folders on the machine where the worker runs, with all that is below them. Empty: the upload folder.
        options: What to do with the files.
        force: Do everything again, whatever is known of these files.

    """
    with parent_run("ingest", options) as parent:
        ingest(folders or [parent.settings.upload_source], options, parent, force=force)
        return parent.state()
