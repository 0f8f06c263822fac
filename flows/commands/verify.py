"""`medley verify`: whether catalog, artifacts and store agree, and with `--repair` makes them."""

from __future__ import annotations

import argparse
from pathlib import Path

from flows.commands.console import print_json, print_note
from flows.engine.checking import verify
from flows.services.environment import prepare_environment
from medley.catalog import Catalog, open_catalog
from medley.errors import MissingFile
from medley.plain import printable
from medley.settings import load_settings
from medley.verify import Checked

_HOW = {
    "write": "written anew from what is kept",
    "run": "done again by a run over the file",
    "remove": "removed",
    "settle": "set to crashed",
    "ingest": "by `medley ingest` of its folder, or `medley gc` after `medley forget`",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley verify`."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="only these files (default: all that is known)")
    parser.add_argument("--repair", action="store_true", help="mend what is wrong, by doing the least again")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Says what does not agree; exit status 1 while something is wrong."""
    settings = load_settings()
    prepare_environment(settings)
    catalog = open_catalog(settings)
    found = verify(settings, catalog, _asked(arguments.paths, catalog), repair=arguments.repair, tell=print_note)
    first, last = found
    if arguments.json:
        told = {"assets": last.assets, "artifacts": last.artifacts, "records": last.records}
        mended = [fault.to_json() for fault in found.mended]
        print_json({**told, "faults": [fault.to_json() for fault in last.faults], "mended": mended})
    else:
        _tell(first, last, catalog, repaired=arguments.repair)
    return 1 if last.faults else 0


def _asked(paths: list[str], catalog: Catalog) -> set[str] | None:
    found = [(path, catalog.location(str(Path(path).absolute()))) for path in paths]
    for path, known in found:
        if known is None or known.asset_id is None:
            raise MissingFile("is not in the index", file=path, remedy="See `medley status`")
    return {str(known.asset_id) for _, known in found if known} if paths else None


def _tell(first: Checked, last: Checked, catalog: Catalog, *, repaired: bool) -> None:
    names = catalog.newest_locations([fault.asset_id for fault in first.faults if fault.asset_id])
    for fault in [*first.faults, *(fault for fault in last.faults if fault not in first.faults)]:
        name = printable(names.get(fault.asset_id) or fault.path or fault.asset_id[:12] or "runs")
        print(f"{name}: {fault.what}")
        state = "mended" if repaired and fault not in last.faults else "not mended" if repaired else "mend"
        print(f"    probably: {fault.cause}; {state}: {_HOW[fault.mend]}")
    print(f"{last.assets} files, {last.artifacts} artifacts and {last.records} records were looked at")
    if last.faults and not repaired:
        print_note(f"{len(last.faults)} faults: medley verify --repair")
    elif last.faults:
        print_note(f"{len(last.faults)} faults are left")
    else:
        print("all agree" if not first.faults else f"all {len(first.faults)} faults are mended")
