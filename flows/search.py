"""`medley search "query"`: needs the vector store only, never Prefect, never Ray."""

from __future__ import annotations

import sys

from flows._cli import main

if __name__ == "__main__":
    sys.exit(main(["search", *sys.argv[1:]]))

import argparse
import os
import re
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.markup import escape

from flows._environment import prepare_environment
from flows._query import ask
from flows._question import Question
from flows._services import vector_store
from flows._terminal import PlainConsole, print_json
from medley.catalog import open_catalog
from medley.errors import SetupError
from medley.media.pictures import PICTURE, convert_picture
from medley.models.profiles import reached
from medley.objects import is_url
from medley.options import PictureOptions
from medley.plain import printable
from medley.search import Moment, query_encoder, search_moments, similar_to_picture, similar_to_record
from medley.settings import Settings, load_settings
from medley.stores.base import Found, Scope, VectorStore
from medley.stores.patience import with_store
from medley.types import MODALITIES, clock

_AWAY_S = 10.0  # as long as a store that is started again is waited for by somebody who sits there


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this verb."""
    parser.add_argument("query", nargs="?", default="", help="what to look for, in words")
    parser.add_argument("--like", metavar="RECORD|PICTURE", help="instead of words: a record's id, or a picture file")
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="hits at most (default 10)")
    parser.add_argument("--modality", choices=MODALITIES, action="append", help="look only at this kind (repeatable)")
    parser.add_argument("--file", metavar="PATH", help="look only in this file, or in the files of this folder")
    parser.add_argument("--tag", action="append", metavar="TEXT", help="look only at files with this tag (repeatable)")
    parser.add_argument("--page", type=int, metavar="N", help="look only at this page, from 1")
    parser.add_argument("--since", metavar="DATE", help="look only at files first seen then or later (2026-11-24, UTC)")
    parser.add_argument("--until", metavar="DATE", help="look only at files first seen before")
    parser.add_argument("--json", action="store_true", help="the answer as JSON on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Searches and prints; no hits is no error."""
    settings = load_settings()
    prepare_environment(settings)
    question = _question(arguments)
    hits = find(question, settings)
    if arguments.json:
        print_json({"query": arguments.query, "hits": hits})
    else:
        show(arguments.query or f"like {arguments.like}", hits)
    return 0


def _question(arguments: argparse.Namespace) -> Question:
    """Raises SetupError that names the flag."""
    if bool(arguments.query) == bool(arguments.like):
        raise SetupError("search wants words or --like", remedy='Give one of them: medley search "a red circle"')
    known = {name: getattr(arguments, name) for name in ("query", "like", "file", "page", "since", "until")}
    limit, modalities = max(1, arguments.limit), tuple(arguments.modality or MODALITIES)
    try:
        return Question(**known, limit=limit, modalities=modalities, tags=tuple(arguments.tag or ()))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise SetupError(f"--{first['loc'][0]} {first['input']}: {first['msg']}", remedy="See --help") from None


def find(question: Question, settings: Settings) -> list[dict[str, Any]]:
    """The hits, as the command line contract has them: from the query process where one is up, else found here."""
    hits = ask(question, settings)
    return find_here(question, settings) if hits is None else hits


def find_here(question: Question, settings: Settings) -> list[dict[str, Any]]:
    """The same, the query encoded in this process."""
    catalog = open_catalog(settings)
    scope = question.scope(catalog)
    with vector_store(settings) as address:
        moments = with_store(address, lambda store: _moments(store, question, scope, settings), _AWAY_S)
    paths = catalog.newest_locations([moment.asset_id for moment in moments])
    return [_hit(moment, paths.get(moment.asset_id), settings) for moment in moments]


def _moments(store: VectorStore, question: Question, scope: Scope, settings: Settings) -> list[Moment]:
    if question.like is None:
        how: dict[str, Any] = {"scope": scope, "limit": question.limit}
        return search_moments(
            store, question.query, encoder_of=lambda spec: query_encoder(reached(spec, settings)), **how
        )
    if re.fullmatch(r"[0-9a-f]{40}", question.like):
        found = similar_to_record(store, question.like, scope=scope, limit=question.limit)
        if found is None:
            raise SetupError(f"there is no record {question.like}", remedy="medley search --json shows the ids")
        return found
    source = Path(os.path.abspath(os.path.expanduser(question.like)))
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory, PICTURE)
        convert_picture(source, copy, PictureOptions().max_side_px, settings.limits)
        return similar_to_picture(store, copy, scope=scope, limit=question.limit)


def _hit(moment: Moment, path: str | None, settings: Settings) -> dict[str, Any]:
    best = _evidence(moment.evidence[0].found, moment.score, settings)
    evidence = [_evidence(piece.found, piece.score, settings) for piece in moment.evidence]
    return {
        "score": best["score"],
        "path": path,
        "asset_id": moment.asset_id,
        "record_id": best["record_id"],
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
        "record_id": found.record_id,
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
    console = PlainConsole()
    if not hits:
        console.print(f"Nothing found for “{escape(query)}”. Is anything indexed? Try: medley status")
        return
    console.print(f"“{escape(query)}”")
    for n, hit in enumerate(hits, 1):
        begin, end = ("" if at is None else clock(at) for at in (hit["start_s"], hit["end_s"]))
        span = begin if begin == end else f"{begin} - {end}"
        where = escape(hit["path"] or "(file unknown)")
        console.print(
            f"{n:3}. [bold]{where}[/]  {span or _page(hit)}  {hit['modality']}  [dim]{hit['score']:.4f}[/]",
            soft_wrap=True,
        )
        console.print(f"     {escape(hit['text'] or hit['thumbnail'] or '')}", soft_wrap=True)
        if hit["path"] and hit["start_s"] is not None and not is_url(hit["path"]):
            console.print(f"     [dim]{escape(player_command(hit['path'], hit['start_s']))}[/]", soft_wrap=True)


def _page(hit: dict[str, Any]) -> str:
    return "" if hit["page"] is None else f"page {hit['page']}"


def _quoted(path: str) -> str:
    """For the shell; where a name holds what a terminal must not see, as bash, zsh and ksh write such bytes."""
    shown = printable(path.replace("\\", "\\\\").replace("'", "\\'"))
    return shlex.quote(path) if printable(path) == path else f"$'{shown}'"


def player_command(path: str, start_s: float) -> str:
    """A command line for the shell that plays the file from there, with a player that is installed (else: mpv)."""
    options = {"mpv": f"--start={start_s:.1f} --", "vlc": f"--start-time={start_s:.1f}", "ffplay": f"-ss {start_s:.1f}"}
    player = next((name for name in options if shutil.which(name)), "mpv")
    return f"{player} {options[player]} {_quoted(os.path.abspath(path))}"
