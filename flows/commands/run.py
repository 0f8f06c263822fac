"""`medley run` without a pipeline: says which there are. With one: see files.py."""

from __future__ import annotations

import argparse

from medley.dag.registry import names
from medley.errors import SetupError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds PIPELINE and PATH. The flags depend on the pipeline: `medley run PIPELINE --help` tells them."""
    text = f"one of {', '.join(names())}, or module:name; medley run PIPELINE --help tells its flags"
    parser.add_argument("pipeline", metavar="PIPELINE", nargs="?", help=text)
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files")


def run(arguments: argparse.Namespace) -> int:
    """Raises SetupError that names the pipelines."""
    raise SetupError("no pipeline is named", remedy=f"medley run {'|'.join(names())} PATH...")
