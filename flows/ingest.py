"""Folders of everything: a parent run that hands each file to the flow of the pipeline that takes such files."""

from __future__ import annotations

import sys

if __name__ == "__main__":  # before Prefect is imported: a command that finds all unchanged does without it
    from flows.warm.command import main

    sys.exit(main(["ingest", *sys.argv[1:]]))

from flows.engine.parent_flow import ingest_flow

ingest_sources = ingest_flow()
