"""`medley gc`: removes what is left of assets that are no longer known."""

from __future__ import annotations

import argparse

from medley.catalog import open_catalog
from medley.settings import load_settings
from medley.upkeep import collect_garbage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds nothing: `medley gc` has no flags."""


def run(arguments: argparse.Namespace) -> int:
    """Says what it has removed."""
    settings = load_settings()
    count, freed = collect_garbage(open_catalog(settings), settings.artifact_store)
    print(f"removed {count} directories, {freed / 1e6:.1f} MB")
    return 0
