"""`medley forget PATH|ASSET...`: out of index, disk and catalog. The files themselves are not touched."""

from __future__ import annotations

import sys

from flows._cli import main

if __name__ == "__main__":
    sys.exit(main(["forget", *sys.argv[1:]]))

import argparse
import os
import re

from flows._environment import prepare_environment
from flows._services import vector_store
from flows._upkeep import claimed_ones
from medley.artifacts import ArtifactStore
from medley.catalog import Catalog, open_catalog
from medley.catalog.known import assets_at, knows
from medley.errors import SetupError
from medley.objects import is_url
from medley.settings import load_settings
from medley.upkeep import forget


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this verb."""
    parser.add_argument("targets", nargs="+", metavar="PATH|ASSET", help="files, folders, URLs, or asset ids")


def run(arguments: argparse.Namespace) -> int:
    """Forgets, and says how many assets that were. Raises SetupError where one is not known."""
    settings = load_settings()
    prepare_environment(settings)
    catalog = open_catalog(settings)
    found = [asset_id for target in arguments.targets for asset_id in _assets(target, catalog)]
    with claimed_ones(catalog, "forget", found) as ours, vector_store(settings) as address:
        forget(ours, catalog, ArtifactStore(settings.artifacts), address)
    print(f"forgot {len(ours)} assets")
    if len(ours) < len(set(found)):
        print(f"{len(set(found)) - len(ours)} are being worked on: try again when their run has ended", file=sys.stderr)
        return 1
    return 0


def _assets(target: str, catalog: Catalog) -> list[str]:
    if re.fullmatch(r"[0-9a-f]{64}", target) and knows(catalog.engine, target):
        return [target]
    path = target if is_url(target) else os.path.abspath(os.path.expanduser(target))
    found = assets_at(catalog.engine, path)
    if not found:
        raise SetupError(f"nothing is known of {target}", remedy="See medley status for what is")
    return found
