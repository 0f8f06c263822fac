"""`medley rebuild-index`: all records anew from the artifacts, without any model's work."""

from __future__ import annotations

import argparse

from flows.engine.claims import claiming
from flows.services.environment import prepare_environment
from flows.services.shared import vector_store
from medley.catalog import open_catalog
from medley.settings import load_settings
from medley.upkeep import rebuild_index


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds nothing: `medley rebuild-index` has no flags."""


def run(arguments: argparse.Namespace) -> int:
    """Says how much there is now, and what the next run has to make."""
    settings = load_settings()
    prepare_environment(settings)
    catalog = open_catalog(settings)
    with claiming(catalog, "rebuild-index") as run_id, vector_store(settings) as address:
        artifacts = settings.artifact_store
        done = rebuild_index(artifacts, address, lambda asset_id: bool(catalog.claim([asset_id], run_id)))
    print(f"{done.records} records of {done.assets} assets")
    if done.lacking:
        print(f"{len(set(done.lacking))} assets lack artifacts: the next run over their files makes them")
    return 0
