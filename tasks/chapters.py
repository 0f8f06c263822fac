"""The branch of chapters: the names that a container gives to its parts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from medley.artifacts import Draft
from medley.dag.parts import embed_texts, rows_left, write_records
from medley.dag.stage import stage
from medley.records import ROWS, save_rows
from medley.run import TaskContext
from medley.tracks import Chapter
from medley.types import Asset, Row


def _no_chapters(asset: Asset) -> str:
    return "" if asset.media.chapters else "no chapters"


def chapters_as_json(made: Path) -> dict[str, Any]:
    """Exports the rows of an artifact as chapters."""
    known = [(row.start_ms or 0, row.end_ms or 0, row.text) for row in rows_left(made)]
    return {"chapters": [asdict(Chapter(begin / 1000, end / 1000, title)) for begin, end, title in known]}


@stage(branch="chapters", skips=_no_chapters, takes="assets", makes="chapters", export=chapters_as_json, num_cpus=0.1)
def read_chapters(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Lists the chapters of a container that have names."""
    rows = [
        Row("chapter", one.title, round(one.start_s * 1000), round(one.end_s * 1000)) for one in asset.media.chapters
    ]
    save_rows(draft.directory / ROWS, rows)


embed_chapters = embed_texts("embed_chapters", branch="chapters", takes="chapters")
write_chapters = write_records("write_chapters", branch="chapters", modalities="chapter")
