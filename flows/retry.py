"""`medley retry --failed`: what is not complete is tried again, whoever is to blame; finished stages are kept."""

from __future__ import annotations

import sys

from flows._cli import main

if __name__ == "__main__":
    sys.exit(main(["retry", *sys.argv[1:]]))

import argparse

from flows import _ingest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this verb."""
    _ingest.add_retry_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Works on the files and prints the report; returns the exit status."""
    return _ingest.run(arguments)
