"""What a run shows in Prefect's UI: progress while it goes on, then its items as a table and their stages as bars."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from typing import Any

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from flows.engine.progress import Progress
from medley.plain import printable
from medley.report import ItemReport, ReportFile
from medley.timeline import timeline_svg
from tasks.publish import embedded, only_shown

_ROWS_SHOWN = 1000
_BARS_OF = 20
_EVERY_S = 1.0


class PrefectProgress:
    """A `Progress` that hands everything on to another one, and counts the ended items for Prefect's UI."""

    def __init__(self, inner: Progress, run_id: str, total: int) -> None:
        self.log: Callable[[str], None] | None = inner.log
        self.running = inner.running
        self._inner = inner
        self._total = max(1, total)
        self._ended = 0
        self._updated = time.monotonic()
        self._artifact: Any = None
        with only_shown():
            key, description = f"progress-{run_id[:12]}", f"Items that have ended, of {total}"
            self._artifact = create_progress_artifact(0.0, key=key, description=description)

    def starting(self, what: str) -> None:
        """Hands on to the inner progress what the run waits for."""
        self._inner.starting(what)

    def ended(self, item: ItemReport) -> None:
        """Hands on the ended item to the inner progress, and counts it for Prefect's UI."""
        self._inner.ended(item)
        self._ended += 1
        if self._artifact and (self._ended == self._total or time.monotonic() - self._updated > _EVERY_S):
            self._updated = time.monotonic()
            with only_shown():
                update_progress_artifact(self._artifact, progress=round(100 * self._ended / self._total, 1))


def publish_items(report: ReportFile, run_id: str) -> None:
    """Publishes a table of the first thousand items, and the stages of the first twenty of them that did anything."""
    items = list(islice(report.items(), _ROWS_SHOWN))
    bars = timeline_svg(list(islice((item for item in items if item["stages"]), _BARS_OF)))
    with only_shown():
        create_table_artifact(
            table=[_row(item) for item in items],
            key=f"items-{run_id[:12]}",
            description=f"Items of this run ({report.counts.total()})",
        )
        if bars:
            create_markdown_artifact(
                markdown=f"# Stages\n\n![stages as bars over time]({embedded(bars.encode(), 'image/svg+xml')})\n",
                key=f"stages-{run_id[:12]}",
                description="Stages of this run's items over time",
            )


def _row(item: dict[str, Any]) -> dict[str, Any]:
    error = item["error"] or {}
    return {
        "file": printable(item["path"]),
        "status": item["status"],
        "records": ", ".join(f"{count} {kind}" for kind, count in item["records"].items()),
        "seconds": item["seconds"],
        "stage": error.get("stage", ""),
        "error": str(error.get("message", "")).removeprefix(f"{item['path']}: "),  # the first column has it
    }
