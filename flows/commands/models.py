"""`medley models pull`: the weights of a profile on this machine, before anything needs them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from flows.commands.flags import add_option_flags, read_option_flags
from flows.services.environment import prepare_environment
from medley.models.locate import locate, make_sure
from medley.models.profiles import models_for
from medley.options import ModelChoice
from medley.profile import resolve_profile
from medley.settings import load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley models`."""
    parser.add_argument("action", choices=("pull",), help="pull: download what is not here yet")
    add_option_flags(parser, ModelChoice)


def run(arguments: argparse.Namespace) -> int:
    """Downloads with progress on stderr; prints where each model is. Raises ModelUnavailable."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "0"
    settings = load_settings()
    prepare_environment(settings)
    choice = resolve_profile(read_option_flags(arguments, ModelChoice), settings)
    models = models_for(choice, settings)
    for spec in (models.speech, models.vision, models.text):
        if spec.endpoint:
            make_sure(spec)
            print(f"{spec.kind:6}  {spec.id}  at {spec.endpoint.base_url}")
            continue
        if spec.loader == "nano":
            print(f"{spec.kind:6}  {spec.id}  within its package")
            continue
        directory = locate(spec)
        print(f"{spec.kind:6}  {spec.id}  {_size_mb(directory)} MB  {directory}")
    return 0


def _size_mb(directory: Path) -> int:
    return round(sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) / 1e6)
