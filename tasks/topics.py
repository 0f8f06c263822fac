"""The branches of chapters that nobody has named: where a talk changes its topic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from medley.artifacts import Draft
from medley.dag.parts import embed_texts, rows_left, write_records
from medley.dag.stage import Stage, no_sound, stage
from medley.errors import BadInput, SetupError
from medley.models.base import Vectors
from medley.options import SpeechOptions
from medley.records import ROWS, load_vectors, save_rows
from medley.run import TaskContext
from medley.topics import titles_of, topics_of
from medley.types import ArtifactRef, Asset, Row
from tasks.chapters import chapters_as_json
from tasks.subtitles import says_all

_MOST_LETTERS = 8000  # of a topic, for its title


def _has_chapters(asset: Asset) -> str:
    return "it has chapters of its own" if asset.media.chapters else ""


def _of_one_track(rows: Sequence[Row], matrix: Vectors) -> tuple[list[Row], Vectors]:
    """What is said on the first of several tracks, which tell the same in other languages."""
    kept = [at for at, row in enumerate(rows) if row.part == rows[0].part]
    return [rows[at] for at in kept], matrix[kept]


@stage(branch="topics", skips=_has_chapters, takes="vectors", makes="topics", num_cpus=0.1)
def find_topics(vectors: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Finds where the topic changes, and names each part by its words."""
    rows, matrix = _of_one_track(*load_vectors(Path(vectors.directory)))
    found = topics_of(rows, matrix)
    titles = titles_of(rows, found)
    parts = found if len(found) > 1 else []  # one topic is no chapter
    save_rows(
        draft.directory / ROWS,
        [
            Row("chapter", title, rows[part.first].start_ms, rows[part.end - 1].end_ms)
            for part, title in zip(parts, titles, strict=False)
        ],
    )


@stage(
    branch="topics",
    reads=lambda o: o.captions.max_tokens,
    model="caption",
    takes=("topics", "vectors"),
    makes="topics",
    num_cpus=0.1,
)
def name_topics(topics: ArtifactRef, vectors: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Lets a model behind a server name the topics."""
    parts = rows_left(Path(topics.directory))
    said, _ = _of_one_track(*load_vectors(Path(vectors.directory)))
    texts = [" ".join(row.text for row in said if _within(row, part))[:_MOST_LETTERS] for part in parts]
    if parts and not (context.models.caption and context.models.caption.endpoint):
        raise SetupError("--speech.titles needs a model that a server has", remedy="Set MEDLEY_CAPTIONER__BASE_URL")
    named = context.model("caption").call("entitle", texts, context.options.captions.max_tokens) if parts else []
    rows = [_named(part, title, draft) for part, title in zip(parts, named, strict=True)]
    save_rows(draft.directory / ROWS, rows)


def _within(row: Row, part: Row) -> bool:
    return (part.start_ms or 0) <= (row.start_ms or 0) < (part.end_ms or 0)


def _named(part: Row, title: Any, draft: Draft) -> Row:
    """A topic with its new name; with that of before where the server gives none."""
    if isinstance(title, BadInput):
        draft.error = draft.error or title
        return part
    draft.data["tokens"] = draft.data.get("tokens", 0) + getattr(title, "tokens", 0)
    return replace(part, text=str(title) or part.text)


embed_topics = replace(embed_texts("embed_topics", branch="topics", takes="topics"), export=chapters_as_json)
write_topics = write_records("write_topics", branch="topics", modalities="chapter")


def subtitle_topics(options: SpeechOptions) -> Stage:
    """Returns the stage that finds topics in subtitles: of files of which they say all."""

    def has_better(asset: Asset) -> str:
        alone = no_sound(asset) or says_all(asset, options)
        return _has_chapters(asset) or ("" if alone else "what is heard has them")

    return replace(find_topics, name="find_subtitle_topics", branch="subtitle_topics", skips=has_better)


name_subtitle_topics = replace(name_topics, name="name_subtitle_topics", branch="subtitle_topics")
embed_subtitle_topics = replace(embed_topics, name="embed_subtitle_topics", branch="subtitle_topics")
write_subtitle_topics = write_records("write_subtitle_topics", branch="subtitle_topics", modalities="chapter")
