"""The stage of this package. The module is `podcasts.tasks`, which does not clash with Medley's own package `tasks`."""

from pathlib import Path

from medley.pipelines import ROWS, Row, embed_texts, rows_as_json, save_rows, stage, write_records
from medley.transcript import TRANSCRIPT, read_segments
from medley.types import clock

_TITLE_WORDS = 8


@stage(
    branch="chapters",
    takes="transcript",
    makes="chapters",
    reads=lambda options: options.chapters.model_dump(),
    export=rows_as_json("chapters"),
    files=("chapters.txt",),
    num_cpus=0.1,
)
def find_chapters(transcript, draft, context):
    """Chapters with times, and a text file as players of podcasts read it."""
    options = context.options.chapters
    chapters = [[]]
    for sentence in read_segments(Path(transcript.directory) / TRANSCRIPT):
        last = chapters[-1]
        pause_s = sentence.start_s - last[-1].end_s if last else 0.0
        long_enough = bool(last) and sentence.start_s - last[0].start_s >= options.min_length_s
        if long_enough and pause_s >= options.pause_s:
            chapters.append([])
        chapters[-1].append(sentence)
    rows = [_row(chapter) for chapter in chapters if chapter]
    save_rows(draft.directory / ROWS, rows)
    lines = [f"{clock(row.start_ms / 1000)} {' '.join(row.text.split()[:_TITLE_WORDS])}" for row in rows]
    (draft.directory / "chapters.txt").write_text("\n".join(lines) + "\n")
    draft.data["notes"] = [f"{len(rows)} chapters"]


def _row(chapter):
    text = " ".join(sentence.text for sentence in chapter)
    return Row("chapter", text, round(chapter[0].start_s * 1000), round(chapter[-1].end_s * 1000))


embed_chapters = embed_texts("embed_chapters", branch="chapters", takes="chapters")
write_chapters = write_records("write_chapters", branch="chapters", modalities="chapter")
