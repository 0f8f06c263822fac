"""`medley search "query"`: needs the vector store only, never Prefect, never Ray."""

from __future__ import annotations

import sys

from flows._cli import main

if __name__ == "__main__":
    sys.exit(main(["search", *sys.argv[1:]]))

import argparse
import json
import os
import shlex
import shutil
from typing import Any

from rich.console import Console
from rich.markup import escape

from flows._environment import prepare_environment
from flows._query import ask
from flows._services import vector_store
from medley.catalog import open_catalog
from medley.objects import is_url
from medley.search import Moment, search_moments
from medley.settings import Settings, load_settings
from medley.stores.base import Found, open_store
from medley.types import MODALITIES, Modality, clock


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this verb."""
    parser.add_argument("query", help="what to look for, in words")
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="hits at most (default 10)")
    parser.add_argument("--modality", choices=MODALITIES, help="look only at this kind of evidence")
    parser.add_argument("--json", action="store_true", help="the answer as JSON on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Searches and prints; no hits is no error."""
    settings = load_settings()
    prepare_environment(settings)
    hits = find(arguments.query, settings, limit=max(1, arguments.limit), modality=arguments.modality)
    if arguments.json:
        print(json.dumps({"query": arguments.query, "hits": hits}, ensure_ascii=False, indent=1))
    else:
        show(arguments.query, hits)
    return 0


def find(query: str, settings: Settings, *, limit: int = 10, modality: Modality | None = None) -> list[dict[str, Any]]:
    """The hits, as the command line contract has them: from the query process where one is up, else found here."""
    hits = ask(query, settings, limit=limit, modality=modality)
    return find_here(query, settings, limit=limit, modality=modality) if hits is None else hits


def find_here(query: str, settings: Settings, *, limit: int, modality: Modality | None) -> list[dict[str, Any]]:
    """The same, the query encoded in this process."""
    with vector_store(settings) as address:
        store = open_store(address)
        try:
            moments = search_moments(store, query, modalities=[modality] if modality else MODALITIES, limit=limit)
        finally:
            store.close()
    catalog = open_catalog(settings)
    paths = catalog.newest_locations([moment.asset_id for moment in moments])
    return [_hit(moment, paths.get(moment.asset_id), settings) for moment in moments]


def _hit(moment: Moment, path: str | None, settings: Settings) -> dict[str, Any]:
    best = _evidence(moment.evidence[0].found, moment.score, settings)
    evidence = [_evidence(piece.found, piece.score, settings) for piece in moment.evidence]
    return {
        "score": best["score"],
        "path": path,
        "asset_id": moment.asset_id,
        "modality": best["modality"],
        "start_s": best["start_s"],
        "end_s": best["end_s"],
        "page": best["page"],
        "box": best["box"],
        "text": best["text"],
        "thumbnail": next((piece["thumbnail"] for piece in evidence if piece["thumbnail"]), None),
        "evidence": evidence,
    }


def _evidence(found: Found, score: float, settings: Settings) -> dict[str, Any]:
    row = found.row
    return {
        "modality": row.modality,
        "score": round(score, 6),
        "start_s": None if row.start_ms is None else row.start_ms / 1000,
        "end_s": None if row.end_ms is None else row.end_ms / 1000,
        "page": row.page,
        "box": list(row.box) if row.box else None,
        "text": row.text,
        "thumbnail": str(settings.artifacts / row.thumbnail) if row.thumbnail else None,
    }


def show(query: str, hits: list[dict[str, Any]]) -> None:
    """For people, on stdout: two lines for each hit, paths in one piece."""
    console = Console(highlight=False)
    if not hits:
        console.print(f"Nothing found for “{escape(query)}”. Is anything indexed? Try: medley status")
        return
    console.print(f"“{escape(query)}”")
    for n, hit in enumerate(hits, 1):
        begin, end = ("" if at is None else clock(at) for at in (hit["start_s"], hit["end_s"]))
        span = begin if begin == end else f"{begin} - {end}"
        where = escape(hit["path"] or "(file unknown)")
        console.print(f"{n:3}. [bold]{where}[/]  {span}  {hit['modality']}  [dim]{hit['score']:.4f}[/]", soft_wrap=True)
        console.print(f"     {escape(hit['text'] or hit['thumbnail'] or '')}", soft_wrap=True)
        if hit["path"] and hit["start_s"] is not None and not is_url(hit["path"]):
            console.print(f"     [dim]{escape(player_command(hit['path'], hit['start_s']))}[/]", soft_wrap=True)


def player_command(path: str, start_s: float) -> str:
    """A command line for the shell that plays the file from there, with a player that is installed (else: mpv)."""
    options = {"mpv": f"--start={start_s:.1f} --", "vlc": f"--start-time={start_s:.1f}", "ffplay": f"-ss {start_s:.1f}"}
    player = next((name for name in options if shutil.which(name)), "mpv")
    return f"{player} {options[player]} {shlex.quote(os.path.abspath(path))}"
