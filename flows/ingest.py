"""Folders of everything: a parent run that hands files to the flows of their modalities."""

from __future__ import annotations

import sys

if __name__ == "__main__":  # before Prefect is imported: a command that finds all unchanged does without it
    from flows.commands.cli import main

    sys.exit(main(["ingest", *sys.argv[1:]]))

from typing import Any

from prefect import flow

from flows.engine.flow import flow_options, joined_parent, parent_state
from flows.engine.parent import CHILD_ITEMS
from flows.engine.routing import batches, files_of, prune
from medley.options import IngestOptions
from medley.plain import native_name
from medley.sources.urls import without_password

_DEFAULTS = IngestOptions()
_NONE: list[str] = []


@flow(name="ingest", **flow_options("ingest"))
def ingest_sources(
    sources: list[str] = _NONE, options: IngestOptions = _DEFAULTS, force: bool = False, pruned: bool = False
) -> Any:
    """Makes everything in some folders or buckets searchable.

    Args:
        sources: Folders, files or patterns on the machine where the worker runs, lists of them, or URLs of buckets.
            Empty: what is watched for uploads.
        options: What to do with the files.
        force: Do everything again, whatever is known of these files.
        pruned: Take out of the index what is no longer in those folders.

    """
    with joined_parent("ingest", options, force=force) as parent:
        wanted = [without_password(native_name(source)) for source in sources] or [parent.settings.upload_source]
        if parent.batches is None:
            parent.batches = batches(files_of(wanted, parent.refuse), CHILD_ITEMS)
        parent.work()
        if pruned:
            prune(wanted, parent)
        return parent_state(parent)
