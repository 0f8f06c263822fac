"""Judgments of a search: queries with what fits them, and the figures of how well an index answers them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from medley.errors import SetupError

#: A hit this close to a span that fits is of it.
_NEAR_S = 5.0
_DEPTH = 10


class Place(BaseModel):
    """Something that fits a query: a file, one of its pages, or a span of its time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(description="path, or its end: a name is enough")
    page: int | None = None
    start_s: float | None = None
    end_s: float | None = None

    def holds(self, hit: dict[str, Any], *, near_s: float) -> bool:
        """Says whether a hit is of this place; of a span where it overlaps the span, or is `near_s` beside."""
        path = hit["path"] or ""
        if path != self.file and not path.endswith("/" + self.file.lstrip("/")):
            return False
        if self.page is not None and hit["page"] != self.page:
            return False
        if self.start_s is None:
            return True
        if hit["start_s"] is None:
            return False
        end_s = self.start_s if self.end_s is None else self.end_s
        return bool(self.start_s - near_s <= (hit["end_s"] or hit["start_s"]) and hit["start_s"] <= end_s + near_s)


class Judgment(BaseModel):
    """A query, and all that fits it; nothing where it should find nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: str = Field(min_length=1)
    relevant: tuple[Place, ...] = ()
    kind: str = ""


@dataclass(slots=True)
class Figures:
    """How well queries were answered. Each is a mean over queries, 0..1; None where no query tells."""

    queries: int = 0
    first: float | None = None  #: the first hit fits
    recall: float | None = None  #: places that are among the first ten hits
    mrr: float | None = None  #: 1 / rank of the first hit that fits
    ndcg: float | None = None
    moments: float | None = None  #: spans that are found to within five seconds
    false_answers: float | None = None  #: queries that nothing fits, and that got a hit which is not marked as weak
    by_kind: dict[str, float] = field(default_factory=dict)  #: `first`, by the kind of the judgment

    def to_json(self) -> dict[str, Any]:
        """Returns the figures, rounded."""
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


def read_judgments(path: Path) -> list[Judgment]:
    """Reads a file with one judgment in each line, as JSON. Raises SetupError naming the line."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} cannot be read: {error}", remedy="See docs/search.md for what it holds") from None
    found = []
    for n, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(Judgment.model_validate_json(line))
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                where = ".".join(map(str, first["loc"]))
                raise SetupError(f"{path}, line {n}: {where} {first['msg']}", remedy="See docs/search.md") from None
    if not found:
        raise SetupError(f"{path} has no judgments", remedy="See docs/search.md")
    return found


#: Asks for the hits of a query, in the form of `medley search --json`.
Ask = Callable[[str], list[dict[str, Any]]]


def evaluate(judgments: Sequence[Judgment], ask: Ask) -> Figures:
    """Asks every query, and compares the hits with what fits."""
    answered = [(judgment, ask(judgment.query)[:_DEPTH]) for judgment in judgments]
    fitting = [(judgment, hits) for judgment, hits in answered if judgment.relevant]
    nothing = [hits for judgment, hits in answered if not judgment.relevant]
    found = _ranked(fitting) if fitting else Figures()
    found.queries = len(answered)
    found.false_answers = mean(any(not hit["weak"] for hit in hits) for hits in nothing) if nothing else None
    for kind in sorted({judgment.kind for judgment, _ in fitting if judgment.kind}):
        found.by_kind[kind] = round(mean(_is_first(one, hits) for one, hits in fitting if one.kind == kind), 4)
    return found


def _is_first(judgment: Judgment, hits: Sequence[dict[str, Any]]) -> bool:
    return bool(hits) and any(place.holds(hits[0], near_s=_NEAR_S) for place in judgment.relevant)


def _ranked(fitting: Sequence[tuple[Judgment, list[dict[str, Any]]]]) -> Figures:
    """The measures of ir-measures, over places: a hit is the first place that it is of, else a place of its own."""
    import ir_measures as ir

    qrels, run = [], []
    for n, (judgment, hits) in enumerate(fitting):
        qrels += [ir.Qrel(str(n), f"place {at}", 1) for at in range(len(judgment.relevant))]
        run += [ir.ScoredDoc(str(n), name, -rank) for rank, name in enumerate(_names(judgment, hits))]
        if not hits:
            run.append(ir.ScoredDoc(str(n), "none", 0))
    measures = {"recall": ir.R @ _DEPTH, "mrr": ir.RR @ _DEPTH, "ndcg": ir.nDCG @ _DEPTH}
    values = ir.calc_aggregate(list(measures.values()), qrels, run)
    spans = [_found_spans(judgment, hits) for judgment, hits in fitting if judgment.relevant[0].start_s is not None]
    return Figures(
        first=mean(_is_first(judgment, hits) for judgment, hits in fitting),
        recall=float(values[measures["recall"]]),
        mrr=float(values[measures["mrr"]]),
        ndcg=float(values[measures["ndcg"]]),
        moments=mean(spans) if spans else None,
    )


def _names(judgment: Judgment, hits: Sequence[dict[str, Any]]) -> list[str]:
    names: list[str] = []
    for rank, hit in enumerate(hits):
        at = next((n for n, place in enumerate(judgment.relevant) if place.holds(hit, near_s=_NEAR_S)), None)
        name = f"other {rank}" if at is None else f"place {at}"
        names.append(name if name not in names else f"again {rank}")
    return names


def _found_spans(judgment: Judgment, hits: Sequence[dict[str, Any]]) -> float:
    return mean(any(place.holds(hit, near_s=_NEAR_S) for hit in hits) for place in judgment.relevant)
