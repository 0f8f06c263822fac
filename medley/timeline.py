"""The stages of a run's items as bars over time: an SVG, so that one sees which ran beside which."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from medley.plain import printable

_ROW_PX, _NAME_PX, _BARS_PX, _PAD_PX = 18, 150, 620, 10
_COLOURS = {"completed": "#2e7d32", "cached": "#90a4ae", "failed": "#c62828"}


def timeline_svg(items: Sequence[dict[str, Any]]) -> str:
    """Draws `items`, entries of a report (see `ItemReport.to_dict`), as an SVG, in the order in which they come.

    Stages that were skipped are left out. Returns an empty string where no stage ran. The seconds of the drawing count
    from the first stage.
    """
    told = ({**item, "stages": [stage for stage in item["stages"] if stage["state"] != "skipped"]} for item in items)
    ran = [item for item in told if item["stages"]]
    if not ran:
        return ""
    zero = min(_at(stage) for item in ran for stage in item["stages"])
    span_s = max(0.001, *(_at(stage) + stage["seconds"] - zero for item in ran for stage in item["stages"]))
    rows: list[str] = []
    for item in ran:
        rows.append(_text(_PAD_PX, len(rows), os.path.basename(item["path"]), "bold"))
        rows += [_row(stage, len(rows) + n, zero, span_s) for n, stage in enumerate(item["stages"])]
    rows.append(_text(_PAD_PX + _NAME_PX, len(rows), f"0 s to {span_s:.1f} s", "normal"))
    width, height = _NAME_PX + _BARS_PX + 90 + 2 * _PAD_PX, len(rows) * _ROW_PX + 2 * _PAD_PX
    paper = f'<rect width="{width}" height="{height}" fill="white"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif">'
    return "\n".join([head, paper, *rows, "</svg>"])


def _row(stage: dict[str, Any], row: int, zero: float, span_s: float) -> str:
    left = _PAD_PX + _NAME_PX + (_at(stage) - zero) / span_s * _BARS_PX
    width = max(2.0, stage["seconds"] / span_s * _BARS_PX)
    y, colour = _PAD_PX + row * _ROW_PX + 4, _COLOURS[stage["state"]]
    bar = f'<rect x="{left:.1f}" y="{y}" width="{width:.1f}" height="{_ROW_PX - 6}" fill="{colour}"/>'
    name = _text(2 * _PAD_PX, row, stage["name"], "normal")
    said = f"{stage['seconds']:.1f} s" if stage["state"] == "completed" else stage["state"]
    return name + bar + _text(left + width + 4, row, said, "normal")


def _text(x: float, row: int, text: str, weight: str) -> str:
    y = _PAD_PX + (row + 1) * _ROW_PX - 5
    return f'<text x="{x:.1f}" y="{y}" font-size="12" font-weight="{weight}">{escape(printable(text))}</text>'


def _at(stage: dict[str, Any]) -> float:
    return datetime.fromisoformat(stage["started"]).timestamp()
