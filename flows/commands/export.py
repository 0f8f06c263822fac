"""`medley export`: all records as files for other programs; `medley import`: what another index has exported."""

from __future__ import annotations

import argparse
from pathlib import Path

from flows.commands.console import print_json
from flows.services.environment import prepare_environment
from medley.catalog import open_catalog
from medley.generations import store_key
from medley.record_files import FORMATS, export_records, records_of
from medley.settings import load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley export`."""
    parser.add_argument("--format", choices=FORMATS, default="parquet", help="default: parquet")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files go, one for each space")
    parser.add_argument("--json", action="store_true", help="what was written, as JSON on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Writes the files and says how much there is. Needs no store, no model and no server."""
    settings = load_settings()
    prepare_environment(settings)
    found = records_of(settings.artifact_store, store_key(settings), open_catalog(settings))
    done = export_records(found, arguments.out, arguments.format)
    if arguments.json:
        print_json({"files": [str(path) for path in done.files], "assets": done.assets, "records": done.records})
    else:
        print(f"{done.records} records of {done.assets} files in {arguments.out.absolute()}")
    return 0
