"""`medley eval judgments.jsonl`: how well the index answers queries of which somebody has said what fits."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from rich.table import Table

from flows.commands.console import PlainConsole, print_json
from flows.serve.local import find_in
from flows.serve.request import SearchRequest
from flows.services.environment import prepare_environment
from flows.services.shared import vector_store
from medley.errors import SetupError
from medley.judgments import Figures, Judgment, evaluate, read_judgments
from medley.labels import unrelated_texts
from medley.settings import Settings, load_settings
from medley.stores.base import VectorStore
from medley.stores.connect import open_store

_COLUMNS = ("first", "recall", "mrr", "ndcg", "moments", "false_answers")
_FUSED = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley eval`."""
    parser.add_argument("judgments", type=Path, help="a judgment in each line, as JSON: see docs/search.md")
    parser.add_argument("--rerank", default="no", metavar="HOW", help="measure with a second look: tokens, endpoint")
    parser.add_argument("--unrelated", action="store_true", help="ask fifty queries that should find nothing, too")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with figures that --save has written")
    parser.add_argument("--json", action="store_true", help="the figures as JSON on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Measures all spaces together and each modality alone; 1 where --against was better by more than 0.01."""
    settings = load_settings()
    prepare_environment(settings)
    before = _read(arguments.against) if arguments.against else {}
    told = measured(arguments.judgments, settings, arguments.rerank, unrelated=arguments.unrelated)
    if arguments.save:
        arguments.save.write_text(json.dumps(told, indent=1) + "\n")
    if arguments.json:
        print_json(told)
    else:
        show(told, before)
    return int(is_worse(told, before))


def measured(path: Path, settings: Settings, rerank: str = "no", *, unrelated: bool = False) -> dict[str, Any]:
    """Measures all spaces together and each modality alone; returns figures by what was searched."""
    judgments = read_judgments(path)
    if unrelated:
        judgments += [Judgment(query=query) for query in unrelated_texts()]
    with _store(settings) as store:
        found = _measured(judgments, store, settings, rerank)
    return {name: figures.to_json() for name, figures in found.items()}


@contextlib.contextmanager
def _store(settings: Settings) -> Iterator[VectorStore]:
    with vector_store(settings) as address, contextlib.closing(open_store(address)) as store:
        yield store


def _measured(judgments: list[Judgment], store: VectorStore, settings: Settings, rerank: str) -> dict[str, Figures]:
    seen: set[str] = set()

    def ask(modality: str, query: str) -> list[dict[str, Any]]:
        asked = {"query": query, "modalities": [modality] if modality else None, "rerank": rerank}
        request = SearchRequest.model_validate(asked)
        hits: list[dict[str, Any]] = find_in(store, request, settings)["hits"]
        seen.update(piece["modality"] for hit in hits for piece in hit["evidence"])
        return hits

    found = {_FUSED: evaluate(judgments, partial(ask, ""))}
    for modality in sorted(seen):
        found[modality] = evaluate(judgments, partial(ask, modality))
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SetupError(f"--against {path}: {error}", remedy="Give a file that --save has written") from None
    return known


def show(told: dict[str, dict[str, Any]], before: dict[str, dict[str, Any]]) -> None:
    """Prints figures, and how they differ from others."""
    table = Table("searched", "queries", *(name.replace("_", " ") for name in _COLUMNS), box=None)
    for name, figures in told.items():
        cells = [_cell(figures[column], before.get(name, {}).get(column)) for column in _COLUMNS]
        table.add_row(name, str(figures["queries"]), *cells)
    console = PlainConsole()
    console.print(table)
    for kind, first in told[_FUSED]["by_kind"].items():
        console.print(f"  {kind}: the first hit fits in {first:.0%}")


def _cell(value: float | None, before: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" + (f" ({value - before:+.3f})" if before is not None else "")


def is_worse(told: dict[str, dict[str, Any]], before: dict[str, dict[str, Any]]) -> bool:
    """Says whether a figure of all together has become worse by more than 0.01."""
    now, then = told[_FUSED], before.get(_FUSED, {})
    pairs = [(now[name], then.get(name), 1 if name != "false_answers" else -1) for name in _COLUMNS]
    return any(sign * (value - old) < -0.01 for value, old, sign in pairs if value is not None and old is not None)
