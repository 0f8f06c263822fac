"""`medley duplicates`: files that look alike or say the same, though their bytes differ."""

from __future__ import annotations

import argparse
import os
from typing import Any

from rich.markup import escape

from flows.commands.console import PlainConsole, print_json
from flows.commands.search import short_path
from flows.services.environment import prepare_environment
from medley.catalog import Catalog, open_catalog
from medley.catalog.details import sizes_of
from medley.catalog.known import assets_at
from medley.duplicates import Alike, alike, groups_of
from medley.errors import SetupError
from medley.generations import store_key
from medley.settings import load_settings
from medley.sources.urls import is_url

_LEAST = 0.8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley duplicates`."""
    parser.add_argument("path", nargs="?", help="only among the files of this folder (default: all that is known)")
    least = f"part of two files that has to be alike, 0 to 1 (default {_LEAST})"
    parser.add_argument("--least", type=float, default=_LEAST, metavar="PART", help=least)
    parser.add_argument("--json", action="store_true", help="the answer as JSON on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Prints groups of files, the largest file of each first. Reads what is kept; needs no store, model or server."""
    settings = load_settings()
    prepare_environment(settings)
    if not 0 < arguments.least <= 1:
        raise SetupError(f"--least {arguments.least}: is no part", remedy="Give more than 0, at most 1")
    catalog = open_catalog(settings)
    among = _within(arguments.path, catalog) if arguments.path else None
    pairs = alike(settings.artifact_store, store_key(settings), arguments.least, among)
    groups = [_group(ids, pairs, catalog) for ids in groups_of(pairs)]
    if arguments.json:
        print_json({"groups": groups})
    else:
        _show(groups)
    return 0


def _within(path: str, catalog: Catalog) -> list[str]:
    found = assets_at(catalog.engine, path if is_url(path) else os.path.abspath(os.path.expanduser(path)))
    if not found:
        raise SetupError(f"nothing is known of {path}", remedy="See medley status for what is")
    return found


def _group(ids: list[str], pairs: list[Alike], catalog: Catalog) -> dict[str, Any]:
    paths, sizes = catalog.newest_locations(ids), sizes_of(catalog.engine, ids)
    files = [{"path": paths.get(id_), "asset_id": id_, "size_bytes": sizes.get(id_, 0)} for id_ in ids]
    inside = [pair for pair in pairs if pair.one in ids]
    return {
        "looks": round(max(pair.looks for pair in inside), 3),
        "says": round(max(pair.says for pair in inside), 3),
        "files": sorted(files, key=lambda file: -file["size_bytes"]),
    }


def _show(groups: list[dict[str, Any]]) -> None:
    console = PlainConsole()
    for group in groups:
        parts = (("looks", "of the pictures"), ("says", "of the words"))
        told = [f"{group[how]:.0%} {what}" for how, what in parts if group[how]]
        console.print(f"[dim]alike in {' and '.join(told)}[/]")
        for file in group["files"]:
            path = escape(short_path(file["path"] or file["asset_id"]))
            console.print(f"{file['size_bytes'] / 1e6:10.1f} MB  {path}", soft_wrap=True)
    console.print(f"{len(groups)} groups of files that are alike" if groups else "no files that are alike")
