"""Drawings of the benchmarks, as SVG. matplotlib is in .bench: `make bench-setup`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_COLOURS = ("#0f766e", "#b45309")
_GREY = "#64748b"  # readable on white and on black


def _pyplot() -> Any:
    sys.path.append(str(Path(__file__).parents[1] / ".bench"))
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "medley", "font.size": 9, "text.color": _GREY})
    mpl.rcParams.update({f"{part}color": _GREY for part in ("axes.label", "axes.edge", "xtick.", "ytick.")})
    import matplotlib.pyplot as plt

    return plt


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})


def bars(path: Path, values: Mapping[str, Mapping[str, float]], titles: Mapping[str, str], unit: str) -> None:
    """`values[system][figure]`: a group of bars for each figure, a colour for each system."""
    plt = _pyplot()
    figure, axes = plt.subplots(1, len(titles), figsize=(9, 2.8), sharey=True)
    systems = list(values)[::-1]
    for place, (name, title) in zip(axes, titles.items(), strict=True):
        known = [values[system].get(name, 0.0) for system in systems]
        colours = [_COLOURS[0] if system == "Medley" else _GREY for system in systems]
        drawn = place.barh(systems, known, color=colours)
        place.bar_label(drawn, [f"{value:.0f}" if value else "" for value in known], padding=2, color=_GREY)
        place.set_title(title, fontsize=9, color=_GREY)
        place.set_xlim(0, 1.2 * max(known))
        place.spines[["top", "right", "bottom"]].set_visible(False)
        place.set_xticks([])
    figure.supxlabel(unit, color=_GREY, fontsize=9)
    _save(figure, path)
    plt.close(figure)


def lines(path: Path, values: Mapping[str, Mapping[int, float]], across: str) -> None:
    """One small plot for each of `values`, from zero, over a logarithmic axis of numbers."""
    plt = _pyplot()
    figure, axes = plt.subplots(1, len(values), figsize=(8, 2.4))
    for n, (place, (name, points)) in enumerate(zip(axes, values.items(), strict=True)):
        place.plot(list(points), list(points.values()), marker="o", color=_COLOURS[n])
        place.set(xscale="log", xlabel=across, ylim=(0, 1.1 * max(points.values())))
        place.set_title(name, fontsize=9, color=_GREY)
        place.set_xticks(list(points), [str(point) for point in points])
        place.minorticks_off()
        place.spines[["top", "right"]].set_visible(False)
    _save(figure, path)
    plt.close(figure)


def over_time(path: Path, series: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> None:
    """Each of `titles` is a panel with a line for each part; `series` has `at_s`, and the parts of each panel."""
    plt = _pyplot()
    minutes = [one["at_s"] / 60 for one in series]
    figure, axes = plt.subplots(len(titles), 1, sharex=True, figsize=(9, 3 * len(titles)), layout="constrained")
    for place, (name, title) in zip(axes, titles.items(), strict=True):
        for part in sorted({part for one in series for part in one[name]}):
            place.plot(minutes, [one[name].get(part, 0) for one in series], label=part, linewidth=1.2)
        place.set_ylabel(title)
        place.set_ylim(bottom=0)
        place.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1), labelcolor=_GREY, frameon=False)
    axes[-1].set_xlabel("minutes", color=_GREY)
    _save(figure, path)
