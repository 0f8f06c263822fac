"""`medley import`: makes records searchable that another index has exported."""

from __future__ import annotations

import argparse
from pathlib import Path

from flows.engine.claims import claiming
from flows.services.environment import prepare_environment
from flows.services.shared import vector_store
from medley.catalog import open_catalog
from medley.errors import SetupError
from medley.record_files import FORMATS, import_records
from medley.settings import load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley import`."""
    parser.add_argument("sources", nargs="+", type=Path, metavar="FILE|DIR", help="what `medley export` has written")


def run(arguments: argparse.Namespace) -> int:
    """Imports the files and says how much there is."""
    settings = load_settings()
    prepare_environment(settings)
    catalog, files = open_catalog(settings), [file for source in arguments.sources for file in _files(source)]
    with claiming(catalog, "import") as run_id, vector_store(settings) as address:
        claim = lambda asset_id: bool(catalog.claim([asset_id], run_id))  # noqa: E731
        done = import_records(files, settings.artifact_store, address, catalog, run_id, claim)
    print(f"{done.records} records of {done.assets} files")
    return 0


def _files(source: Path) -> list[Path]:
    if source.suffix.removeprefix(".") in FORMATS and source.exists():
        return [source]
    found = sorted(path for form in FORMATS for path in source.glob(f"records-*.{form}"))
    if not found:
        raise SetupError(f"{source} has no files of records", remedy="Give what medley export has written")
    return found
