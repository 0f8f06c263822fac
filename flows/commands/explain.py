"""`medley explain HIT|FILE`: from a hit back to the bytes, or forward from a file to all that was made of it."""

from __future__ import annotations

import argparse
import contextlib
import re
from pathlib import Path
from typing import Any

from flows.commands.console import print_json
from flows.services.shared import vector_store
from medley.catalog import Catalog, open_catalog
from medley.errors import MissingFile
from medley.explain import explain_asset, explain_record
from medley.plain import printable, to_json
from medley.settings import load_settings
from medley.sources.urls import is_url
from medley.stores.connect import open_store
from medley.types import clock

_RECORD, _ASSET = r"[0-9a-f]{40}", r"[0-9a-f]{64}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley explain`."""
    parser.add_argument("what", metavar="HIT|FILE", help="a record's id (search --json), a file, or an asset's id")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Tells where a record comes from, or what was made of a file."""
    settings, what = load_settings(), arguments.what
    catalog, artifacts = open_catalog(settings), settings.artifact_store
    with vector_store(settings) as address:
        if re.fullmatch(_RECORD, what):
            with contextlib.closing(open_store(address)) as store:
                found = explain_record(what, catalog, artifacts, store, address.key)
            if found is None:
                raise MissingFile(f"there is no record {what}", remedy="medley search --json shows the ids")
        else:
            found = explain_asset(_asset_id(what, catalog), catalog, artifacts, address.key)
    if arguments.json:
        print_json(found)
    else:
        print("\n".join(_told(found)))
    return 0


def _asset_id(what: str, catalog: Catalog) -> str:
    if re.fullmatch(_ASSET, what):
        return what
    known = catalog.location(what if is_url(what) else str(Path(what).expanduser().absolute()))
    if known is None or known.asset_id is None:
        raise MissingFile("is not in the index", file=what, remedy="See `medley status`")
    return known.asset_id


def _told(found: dict[str, Any]) -> list[str]:
    lines = _of_record(found["record"]) if "record" in found else []
    for known in found["paths"]:
        lines.append(f"{printable(known['path'])}  ({known['state']})")
    lines.append(f"  {found['media_type']}, {found['size_bytes']:,} bytes, SHA-256 {found['asset_id']}")
    lines += [f"  {name}: {printable(value)}" for name, value in found["about"].items()]
    if found["tags"]:
        lines.append(f"  tags: {', '.join(found['tags'])}")
    for one in found["outcomes"]:
        told = ", ".join(f"{count} {name}" for name, count in one["records"].items())
        lines.append(f"{one['flow']}: {one['status']} ({told or 'no records'}), run {one['run_id']}, {one['updated']}")
    for stage in found["stages"]:
        lines += _of_stage(stage)
    return lines


def _of_record(record: dict[str, Any]) -> list[str]:
    place = f"page {record['page']}" if record["page"] else ""
    if record["start_ms"] is not None:
        place = f"{clock(record['start_ms'] / 1000)} - {clock((record['end_ms'] or record['start_ms']) / 1000)}"
    text = f": {printable(record['text'])}" if record["text"] else ""
    return [
        f"{record['modality']} {place}{text}",
        f"  record {record['record_id']} in {record['collection']}, vector by {record['model']}",
    ]


def _of_stage(stage: dict[str, Any]) -> list[str]:
    kept = stage["artifact"]
    size = f"{kept['files']} files, {kept['bytes']:,} bytes" if kept else "nothing is kept of it"
    if kept and "collections" in kept:
        size = f"{', '.join(f'{count} {name}' for name, count in kept['records'].items())} in {kept['collections'][0]}"
    again = f", attempt {stage['attempts']}" if stage["attempts"] > 1 else ""
    lines = [f"  {stage['stage']:18} {stage['started'] or '':24} {stage['seconds']:.2f} s{again}  {size}"]
    lines.append(f"      {stage['does']}")
    if stage["model"]:
        lines.append(f"      model {stage['model']}")
    if stage["options"] not in (None, {}, []):
        lines.append(f"      options {to_json(stage['options'])}")
    lines += [f"      {note}" for note in (kept or {}).get("notes", ())]
    return [*lines, f"      run {stage['run_id']}"]
