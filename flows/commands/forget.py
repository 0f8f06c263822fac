"""`medley forget PATH|ASSET...`: out of index, disk, catalog, Prefect, reports and logs. The files themselves stay."""

from __future__ import annotations

import argparse
import os
import re

from flows.commands.console import print_error, print_json, print_note
from flows.engine.claims import claimed_ones
from flows.services.environment import prepare_environment
from flows.up.erase import erase
from medley.catalog import Catalog, open_catalog
from medley.catalog.known import knows, paths_at
from medley.erasure.names import Names
from medley.erasure.receipt import Receipt
from medley.erasure.subjects import gather
from medley.errors import SetupError
from medley.settings import Settings, load_settings
from medley.sources.urls import is_url, without_password


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley forget`."""
    parser.add_argument(
        "targets", nargs="+", type=without_password, metavar="PATH|ASSET", help="files, folders, URLs, or asset ids"
    )
    parser.add_argument("--receipt", action="store_true", help="every place and what was removed there, as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Forgets, and says what; 1 where something is left. Raises SetupError where a target is not known."""
    settings = load_settings()
    prepare_environment(settings)
    catalog = open_catalog(settings)
    receipt = _forget(arguments.targets, catalog, settings)
    if arguments.receipt:
        print_json(receipt.to_dict())
    else:
        assets, names = len(receipt.assets), len(receipt.names)
        print(f"forgot {assets} asset{'s' * (assets != 1)}, {names} name{'s' * (names != 1)}")
    if receipt.busy:
        print_error(f"{len(receipt.busy)} are being worked on: try again when their run has ended")
    for place in receipt.places:
        if not place.clean:
            print_error(f"{place.place}: {place.why}")
    return 0 if receipt.clean else 1


def _forget(targets: list[str], catalog: Catalog, settings: Settings) -> Receipt:
    found = [pair for target in targets for pair in _known(target, catalog)]
    assets = {asset_id for _, asset_id in found if asset_id}
    with claimed_ones(catalog, "forget", sorted(assets)) as ours:
        unnamed = {path for path, asset_id in found if asset_id is None}
        subjects = gather(catalog.engine, settings.home / "runs", set(ours), unnamed)
        names = Names(subjects.paths, subjects.others)
        receipt = erase(subjects, names, catalog, settings, print_note)
    receipt.busy = sorted(assets.difference(ours))
    return receipt


def _known(target: str, catalog: Catalog) -> list[tuple[str, str | None]]:
    if re.fullmatch(r"[0-9a-f]{64}", target) and knows(catalog.engine, target):
        return [("", target)]
    path = target if is_url(target) else os.path.abspath(os.path.expanduser(target))
    found = paths_at(catalog.engine, path)
    if not found:
        raise SetupError(f"nothing is known of {target}", remedy="See medley status for what is")
    return found
