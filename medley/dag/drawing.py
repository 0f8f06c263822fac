"""A DAG as text, Mermaid and SVG; drawn from the picture, as everything else."""

from __future__ import annotations

from html import escape

from medley.dag.pipeline import Dag
from medley.dag.stage import Stage

_WIDE, _HIGH, _GAP_X, _GAP_Y, _MARGIN = 132, 34, 32, 18, 12


def as_text(dag: Dag) -> str:
    """Draws the branches as lines of text; a branch that begins at a stage of another branch says so."""
    chains = []
    for row in _rows(dag):
        origin = " + ".join(name or "assets" for name in row[0].inputs)
        chains.append(" -> ".join([origin, *(stage.name for stage in row)]))
    return "\n".join(chains)


def as_mermaid(dag: Dag) -> str:
    """Writes the DAG for Mermaid, which GitHub and many documentation sites draw."""
    lines = ["flowchart LR", "  assets([assets])"]
    for stage in dag.values():
        shape = f"[({stage.name})]" if stage.writes else f"[{stage.name}]"
        lines += [f"  {before or 'assets'} --> {stage.name}{shape}" for before in stage.inputs]
    return "\n".join(lines)


def as_svg(dag: Dag) -> str:
    """Draws the DAG as an SVG picture: a column for each step, a line for each branch."""
    rows = _rows(dag)
    depth = _depths(dag)
    place: dict[str | None, tuple[int, int]] = {None: (_MARGIN, _MARGIN)}
    for y, row in enumerate(rows):
        for stage in row:
            place[stage.name] = (_MARGIN + depth[stage.name] * (_WIDE + _GAP_X), _MARGIN + y * (_HIGH + _GAP_Y))
    wide = max(x for x, _ in place.values()) + _WIDE + _MARGIN
    high = max(y for _, y in place.values()) + _HIGH + _MARGIN
    arrows = [_arrow(place[before], place[stage.name]) for stage in dag.values() for before in stage.inputs]
    boxes = [_box(place[name], name or "assets", filled=name is not None and dag[name].writes) for name in place]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}">'
    style = '<g font-family="sans-serif" font-size="13" fill="none" stroke="#57606a">'
    return "\n".join([head, style, *arrows, *boxes, "</g></svg>"]) + "\n"


def _rows(dag: Dag) -> list[list[Stage]]:
    """The branches, each a line of its stages in order."""
    rows: dict[str, list[Stage]] = {}
    for stage in dag.values():
        rows.setdefault(stage.branch, []).append(stage)
    return list(rows.values())


def _depths(dag: Dag) -> dict[str, int]:
    """How many stages come before each one, at most, the assets among them."""
    known: dict[str, int] = {}
    for stage in dag.values():
        known[stage.name] = 1 + max((known[name] for name in stage.after), default=0)
    return known


def _box(at: tuple[int, int], name: str, *, filled: bool) -> str:
    x, y = at
    fill = "#ddf4ff" if filled else "#ffffff"
    box = f'<rect x="{x}" y="{y}" width="{_WIDE}" height="{_HIGH}" rx="6" fill="{fill}"/>'
    text = f'<text x="{x + _WIDE // 2}" y="{y + _HIGH // 2 + 5}" text-anchor="middle" fill="#1f2328" stroke="none">'
    return f"{box}{text}{escape(name)}</text>"


def _arrow(begin: tuple[int, int], end: tuple[int, int]) -> str:
    x0, y0 = begin[0] + _WIDE, begin[1] + _HIGH // 2
    x1, y1 = end[0], end[1] + _HIGH // 2
    middle = (x0 + x1) // 2
    head = f'<path d="M {x1 - 7} {y1 - 4} L {x1} {y1} L {x1 - 7} {y1 + 4}"/>'
    return f'<path d="M {x0} {y0} C {middle} {y0}, {middle} {y1}, {x1} {y1}"/>{head}'
