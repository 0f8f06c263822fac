"""`medley search "query"`: needs the vector store only, never Prefect, never Ray."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from typing import Any

from pydantic import ValidationError
from rich.markup import escape

from flows.commands import thumbnails
from flows.commands.console import PlainConsole, print_json
from flows.serve.local import find
from flows.serve.request import FILTERS, SearchRequest
from flows.services.environment import prepare_environment
from medley.catalog import open_catalog
from medley.catalog.views import written_modalities
from medley.dag.registry import modalities
from medley.errors import SetupError
from medley.plain import printable
from medley.settings import Settings, load_settings
from medley.sources.urls import is_url
from medley.types import clock

_SAID = ("dated_since", "dated_until", "near", "speaker", "language")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley search`."""
    parser.add_argument("query", nargs="?", default="", help="what to look for, in words")
    parser.add_argument("--like", metavar="RECORD|PICTURE", help="instead of words: a record's id, or a picture file")
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="hits at most (default 10)")
    kinds = "look only at speech, frame, page, ocr, image, caption ... (repeatable)"
    parser.add_argument("--modality", action="append", metavar="KIND", help=kinds)
    least = "leave out hits with a lower score (0 to 1); below 0.5 they are weak"
    parser.add_argument("--min", type=float, default=0.0, metavar="SCORE", dest="least", help=least)
    again = "order once more: by the text model's token vectors (tokens), or by MEDLEY_RERANKER__BASE_URL (endpoint)"
    parser.add_argument("--rerank", default="no", metavar="HOW", help=again)
    parser.add_argument("--json", action="store_true", help="the answer as JSON on stdout")
    _add_filters(parser)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--file", metavar="PATH", help="look only in this file, or in the files of this folder")
    parser.add_argument("--tag", action="append", metavar="TEXT", help="look only at files with this tag (repeatable)")
    spoken = "look only at what somebody says: a name (see medley speakers), or with --file a number"
    parser.add_argument("--speaker", metavar="NAME", help=spoken)
    labelled = "look only at pictures and frames with this label of --labels (repeatable)"
    parser.add_argument("--label", action="append", metavar="TEXT", help=labelled)
    language = "look only at what is said in this language: en, de"
    parser.add_argument("--language", metavar="LANGUAGE", help=language)
    parser.add_argument("--page", type=int, metavar="N", help="look only at this page, from 1")
    dates = "look only at files first seen then or later (2026-11-24 in UTC, yesterday, last week, 3 days ago)"
    parser.add_argument("--since", metavar="DATE", help=dates)
    parser.add_argument("--until", metavar="DATE", help="look only at files first seen before")
    parser.add_argument("--kind", metavar="KIND", help="only files of this kind: video, audio, image, pdf, document")
    said = "look only at files that say that of themselves: camera=nikon, artist=tern (repeatable)"
    parser.add_argument("--where", action="append", metavar="NAME=TEXT", help=said)
    made = "look only at files made then or later, by their own word (EXIF, tags); dates as for --since"
    parser.add_argument("--dated-since", metavar="DATE", help=made)
    parser.add_argument("--dated-until", metavar="DATE", help="look only at files made before")
    near = "look only at pictures taken near a place: degrees north, degrees east, and kilometres (default 1)"
    parser.add_argument("--near", metavar="NORTH,EAST[,KM]", help=near)


def run(arguments: argparse.Namespace) -> int:
    """Searches and prints; no hits is no error."""
    settings = load_settings()
    prepare_environment(settings)
    request = _request(arguments, settings)
    found = find(request, settings)
    if arguments.json:
        print_json(found)
    else:
        show(arguments.query or f"like {arguments.like}", found)
    return 0


def _request(arguments: argparse.Namespace, settings: Settings) -> SearchRequest:
    """Raises SetupError that names the flag."""
    if bool(arguments.query) == bool(arguments.like):
        raise SetupError("search wants words or --like", remedy='Give one of them: medley search "a red circle"')
    known: dict[str, Any] = {
        name: getattr(arguments, name)
        for name in ("query", "like", "file", "page", "since", "until", "kind", "least", "rerank", *_SAID)
    }
    known["where"], known["labels"] = tuple(arguments.where or ()), tuple(arguments.label or ())
    known["modalities"] = _known(arguments.modality, settings)
    try:
        return SearchRequest(**known, limit=max(1, arguments.limit), tags=tuple(arguments.tag or ()))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        flag = FILTERS.get(str(first["loc"][0]), first["loc"][0])
        said = str(first["msg"]).removeprefix("Value error, ")
        raise SetupError(f"--{flag} {first['input']}: {said}", remedy="See --help") from None


def _known(wanted: list[str] | None, settings: Settings) -> tuple[str, ...] | None:
    """The modalities to look at, None for all. Raises SetupError for one that no pipeline writes."""
    if not wanted:
        return None
    known = list(modalities())
    if not set(wanted) <= set(known):
        known += sorted(written_modalities(open_catalog(settings).engine) - set(known))
    for one in wanted:
        if one not in known:
            raise SetupError(f"--modality {one}: no pipeline writes that", remedy=f"Known are {', '.join(known)}")
    return tuple(wanted)


def show(query: str, found: dict[str, Any]) -> None:
    """Prints the hits for people on stdout: two lines for each hit, a third to play it, paths in one piece."""
    console, hits = PlainConsole(), found["hits"]
    if not hits:
        console.print(f"Nothing found for “{escape(query)}”.")
        for note in found["notes"] or ["Is anything indexed? Try: medley status"]:
            console.print(f"  {escape(note)}", soft_wrap=True)
        return
    console.print(f"“{escape(query)}”")
    weak = False
    for n, hit in enumerate(hits, 1):
        if hit["weak"] and not weak:
            weak = True
            console.print("[dim]  ── weak matches: they may not fit ──[/]")
        _show_hit(console, n, hit)


def _show_hit(console: PlainConsole, n: int, hit: dict[str, Any]) -> None:
    begin, end = ("" if at is None else clock(at) for at in (hit["start_s"], hit["end_s"]))
    span = begin if begin == end else f"{begin} - {end}"
    where = escape(_named(hit))
    score = f"[dim]{hit['score']:.2f} {bar(hit['score'])}[/]"
    kind = f"{hit['modality']}, track {hit['track']}" if hit["track"] else hit["modality"]
    console.print(f"{n:3}. [bold]{where}[/]  {span or _page(hit)}  {kind}  {score}", soft_wrap=True)
    who = f"{hit['speaker']}: " if hit["speaker"] and hit["modality"] == "speech" else ""
    console.print(f"     {escape(who + (hit['text'] or hit['thumbnail'] or ''))}", soft_wrap=True)
    if hit["labels"]:
        console.print(f"     [dim]{escape(', '.join(hit['labels']))}[/]", soft_wrap=True)
    thumbnails.show(hit["thumbnail"])
    if hit["path"] and hit["start_s"] is not None and not is_url(hit["path"]):
        console.print(f"     [dim]{escape(player_command(hit['path'], hit['start_s']))}[/]", soft_wrap=True)


def _named(hit: dict[str, Any]) -> str:
    """The file, and of an attached one what it is in."""
    if not hit["path"]:
        return "(file unknown)"
    if not hit["parent"]:
        return short_path(hit["path"])
    return f"{hit['path'].rpartition('/')[2]}, attached to {short_path(hit['parent'])}"


def short_path(path: str) -> str:
    """Shortens a path for somebody who looks at a terminal: relative to where they are, or to their home."""
    if not sys.stdout.isatty() or is_url(path):
        return path
    here, home = os.getcwd(), os.path.expanduser("~")
    if path.startswith(f"{here}/"):
        return path[len(here) + 1 :]
    return f"~{path[len(home) :]}" if path.startswith(f"{home}/") else path


def bar(score: float) -> str:
    """Draws a score from 0 to 1 as a bar of five cells."""
    eighths = round(max(0.0, min(1.0, score)) * 5 * 8)
    partly = " ▏▎▍▌▋▊▉"[eighths % 8] if eighths < 40 else ""
    return f"{'█' * (eighths // 8)}{partly}".ljust(5)


def _page(hit: dict[str, Any]) -> str:
    return "" if hit["page"] is None else f"page {hit['page']}"


def _quoted(path: str) -> str:
    """For the shell; where a name holds what a terminal must not see, as bash, zsh and ksh write such bytes."""
    shown = printable(path.replace("\\", "\\\\").replace("'", "\\'"))
    return shlex.quote(path) if printable(path) == path else f"$'{shown}'"


def player_command(path: str, start_s: float) -> str:
    """Builds a shell command line that plays the file from `start_s`, with a player that is installed (else: mpv)."""
    options = {"mpv": f"--start={start_s:.1f} --", "vlc": f"--start-time={start_s:.1f}", "ffplay": f"-ss {start_s:.1f}"}
    player = next((name for name in options if shutil.which(name)), "mpv")
    return f"{player} {options[player]} {_quoted(os.path.abspath(path))}"
