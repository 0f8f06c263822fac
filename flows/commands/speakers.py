"""`medley speakers`: who speaks in a file, and the names that people give them."""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from typing import Any

from rich.markup import escape

from flows.commands.console import PlainConsole, print_json
from flows.commands.search import short_path
from flows.services.environment import prepare_environment
from flows.services.shared import vector_store
from medley.catalog import Catalog, open_catalog
from medley.catalog.known import assets_at
from medley.catalog.voices import NamedVoice, name_voice, named_voices, unname_voice
from medley.content import content_of
from medley.errors import SetupError
from medley.search.people import names_of, voice_of
from medley.settings import Settings, load_settings
from medley.sources.urls import is_url
from medley.speakers import mark
from medley.stores.base import VectorStore
from medley.stores.patience import with_store

_AWAY_S = 10.0
_NAMED = re.compile(r"(\d{1,4})=(.{1,64})")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley speakers`."""
    parser.add_argument("path", nargs="?", help="a file that was indexed with --speech.speakers true (default: names)")
    named = 'give a speaker of the file a name, which holds in every file: --name 2="Ada Tern" (repeatable)'
    parser.add_argument("--name", action="append", metavar="NUMBER=NAME", default=[], help=named)
    parser.add_argument("--forget", action="append", metavar="NAME", default=[], help="forget a name (repeatable)")
    parser.add_argument("--json", action="store_true", help="the answer as JSON on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Names speakers, and prints who speaks: in a file, or by name in all."""
    settings = load_settings()
    prepare_environment(settings)
    catalog = open_catalog(settings)
    if arguments.name and not arguments.path:
        raise SetupError("--name wants a file", remedy='medley speakers PATH --name 1="Ada Tern"')
    for name in arguments.forget:
        if not unname_voice(catalog.engine, name):
            raise SetupError(f"nobody is called {name}", remedy="See `medley speakers` for the names")
    asset_id = _asset(arguments.path, catalog) if arguments.path else None
    with vector_store(settings) as address:
        found = with_store(address, lambda store: _told(arguments, asset_id, catalog, store, settings), _AWAY_S)
    if arguments.json:
        print_json(found)
    else:
        _show(found)
    return 0


def _told(
    arguments: argparse.Namespace, asset_id: str | None, catalog: Catalog, store: VectorStore, settings: Settings
) -> dict[str, Any]:
    if asset_id is None:
        return _everybody(store, catalog)
    for given in arguments.name:
        _give_name(given, arguments.path, asset_id, catalog, store)
    names = names_of(store, named_voices(catalog.engine))
    turns = content_of(asset_id, catalog, settings).get("turns", [])
    said, begins = Counter[int](), dict[int, float]()
    for turn in turns:
        said[turn["speaker"]] += turn["end_s"] - turn["start_s"]
        begins.setdefault(turn["speaker"], turn["start_s"])
    speakers = [
        {
            "speaker": number,
            "name": names.get(mark(asset_id, number)),
            "seconds": round(said[number], 1),
            "start_s": begins[number],
        }
        for number in sorted(said)
    ]
    return {"path": arguments.path, "asset_id": asset_id, "speakers": speakers}


def _give_name(given: str, path: str, asset_id: str, catalog: Catalog, store: VectorStore) -> None:
    parts = _NAMED.fullmatch(given)
    if not parts or not parts[2].strip() or not parts[2].isprintable():
        raise SetupError(f"--name {given}: is no number and name", remedy='Write --name 1="Ada Tern"')
    number, name = int(parts[1]), parts[2].strip()
    known = voice_of(store, asset_id, number)
    if known is None:
        raise SetupError(
            f"{path}: has no speaker {number}",
            remedy="`medley speakers PATH` lists them; they are found with --speech.speakers true",
        )
    model, vector = known
    name_voice(catalog.engine, NamedVoice(name, asset_id, number, model, tuple(vector.tolist())))


def _everybody(store: VectorStore, catalog: Catalog) -> dict[str, Any]:
    voices = named_voices(catalog.engine)
    files = Counter(names_of(store, voices).values())
    paths = catalog.newest_locations([voice.asset_id for voice in voices])
    named = [{"name": one.name, "path": paths.get(one.asset_id), "speaker": one.speaker} for one in voices]
    return {"names": [{**one, "files": files[str(one["name"])]} for one in named]}


def _asset(path: str, catalog: Catalog) -> str:
    found = assets_at(catalog.engine, path if is_url(path) else os.path.abspath(os.path.expanduser(path)))
    if len(found) != 1:
        several = f"{path}: is {len(found)} files" if found else f"nothing is known of {path}"
        raise SetupError(several, remedy="Name one file; see medley status for what is known")
    return found[0]


def _show(found: dict[str, Any]) -> None:
    console = PlainConsole()
    for one in found.get("speakers", ()):
        name = one["name"] or f"Speaker {one['speaker']}"
        console.print(f"{one['speaker']:4}  {escape(name):24} {one['seconds']:8.1f} s, first at {one['start_s']:.1f} s")
    for one in found.get("names", ()):
        where = escape(short_path(one["path"] or "(file unknown)"))
        console.print(f"{escape(one['name']):24} in {one['files']} files; named in {where}, speaker {one['speaker']}")
    if not found.get("speakers") and "speakers" in found:
        console.print("No speakers are known of it: run it with --speech.speakers true, if somebody speaks.")
    if "names" in found and not found["names"]:
        console.print('Nobody has a name yet: medley speakers PATH --name 1="Ada Tern"')
