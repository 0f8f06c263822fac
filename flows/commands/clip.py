"""`medley clip "query" --out reel.mp4`: the moments that fit, one after the other, as one video."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from flows.commands.console import PlainConsole
from flows.serve.local import find
from flows.serve.request import SearchRequest
from flows.services.environment import prepare_environment
from medley.catalog import Catalog, open_catalog
from medley.errors import MedleyError, SetupError
from medley.media.reel import Cut, join_parts, make_part
from medley.settings import Settings, load_settings
from medley.sources.urls import is_url
from medley.types import Asset, clock

_BEFORE_S, _AFTER_S, _LEAST_S, _MOST_S = 1.0, 1.0, 4.0, 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley clip`."""
    parser.add_argument("query", help="what to look for, in words")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.mp4", help="the video that is made")
    parser.add_argument("--limit", type=int, default=5, metavar="N", help="moments at most (default 5)")
    parser.add_argument("--file", metavar="PATH", help="look only in this file, or in the files of this folder")
    weak = "least score of a moment, 0 to 1 (default 0.5: no weak ones)"
    parser.add_argument("--min", type=float, default=0.5, metavar="SCORE", dest="least", help=weak)


def run(arguments: argparse.Namespace) -> int:
    """Makes the video and says what is in it. Raises SetupError where no moment fits."""
    settings = load_settings()
    prepare_environment(settings)
    out = arguments.out.expanduser().absolute()
    if not out.parent.is_dir():
        raise SetupError(f"--out {out.parent} is no directory", remedy="Make it, or give another one")
    asked = {"query": arguments.query, "file": arguments.file, "least": arguments.least, "limit": 10 * arguments.limit}
    hits = find(SearchRequest.model_validate(asked), settings)["hits"]
    timed = [hit for hit in hits if hit["start_s"] is not None and hit["path"] and not is_url(hit["path"])]
    if not timed:
        what = f"no moment of a video or recording fits “{arguments.query}”"
        raise SetupError(what, remedy="Try --min 0, or: medley search")
    made = _make(timed[: arguments.limit], out, settings)
    console = PlainConsole()
    for n, hit in enumerate(made, 1):
        console.print(f"{n:3}. {hit['path']}  {clock(hit['start_s'])}", soft_wrap=True, markup=False)
    console.print(f"{len(made)} moments in {out}", soft_wrap=True, markup=False)
    return 0


def _make(hits: list[dict[str, Any]], out: Path, settings: Settings) -> list[dict[str, Any]]:
    catalog, made, parts = open_catalog(settings), [], []
    console, last = PlainConsole(stderr=True), None
    with tempfile.TemporaryDirectory(prefix="medley-clip-") as work:
        for n, hit in enumerate(hits):
            try:
                parts.append(make_part(_cut(hit, catalog), Path(work, str(n)), settings.limits))
                made.append(hit)
            except MedleyError as error:
                last = error
                console.print(f"left out: {error}", soft_wrap=True, markup=False)
        if last and not parts:
            raise last
        shutil.move(join_parts(parts, Path(work), settings.limits), out)
    return made


def _cut(hit: dict[str, Any], catalog: Catalog) -> Cut:
    media = catalog.media(hit["asset_id"])
    if media is None:
        raise SetupError(f"{hit['path']} was never opened", remedy="Ingest it again")
    asset = Asset(hit["asset_id"], hit["path"], 0, media)
    start = max(0.0, hit["start_s"] - _BEFORE_S)
    spoken = hit["end_s"] + _AFTER_S - start if hit["modality"] != "frame" else _LEAST_S
    length = min(_MOST_S, max(_LEAST_S, spoken))
    return Cut(asset, start, min(length, max(0.5, media.duration_s - start)) if media.duration_s else length)
