"""`medley down`: ends the standing installation of this machine, runs first."""

from __future__ import annotations

import argparse

from flows.up.installation import stop
from medley.settings import load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds nothing: `medley down` has no flags."""


def run(arguments: argparse.Namespace) -> int:
    """Ends everything; it is no error when nothing is up."""
    print("Medley is down." if stop(load_settings()) else "Nothing was up.")
    return 0
