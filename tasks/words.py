"""The branch of what is written on pictures: OCR, passages, vectors, records."""

from __future__ import annotations

from pathlib import Path

from medley.artifacts import Draft
from medley.dag.parts import embed_texts, write_records
from medley.dag.stage import stage
from medley.media.page_names import pages_of
from medley.media.pdf import PAGES, Page, read_pages, write_page
from medley.media.pictures import PICTURE
from medley.passages import passages_for
from medley.records import save_rows
from medley.run import TaskContext
from medley.system.stop import raise_if_stopped
from medley.types import ArtifactRef, Row
from tasks.pages import PASSAGES, pages_as_json, passage_rows

_ONLY = 0  # the number of a picture that has no pages


@stage(
    version=3,
    branch="words",
    model="ocr",
    takes="pictures",
    makes="lines",
    export=pages_as_json("ocr"),
    num_cpus=0.1,
)
def ocr(picture: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Reads the lines of text on a picture, in reading order."""
    with (draft.directory / PAGES).open("w") as file:
        for number, path in pages_of(Path(picture.directory, PICTURE)):
            raise_if_stopped()
            [lines] = context.model("ocr").call("read_images", [path])
            scan = str(path.relative_to(context.artifacts))
            file.write(write_page(Page(number or _ONLY, 0.0, 0.0, (), scan=scan), lines))  # boxes are in its pixels


@stage(
    branch="words",
    reads=lambda o: o.passages.model_dump(),
    model="text",
    takes="lines",
    makes="passages",
    num_cpus=0.1,
)
def chunk(read: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Cuts the lines of text into passages, each of which is what one search hit shows."""
    rows = []
    for page in read_pages(Path(read.directory)):
        number = None if page.number == _ONLY else page.number
        for part in passages_for(context.models.text, page.blocks, context.options.passages):
            rows.append(Row("ocr", part.text, box=part.box, page=number, thumbnail=page.scan))
    save_rows(draft.directory / PASSAGES, rows)


embed_text = embed_texts("embed_text", branch="words", rows=passage_rows, takes="passages")
write_words = write_records("write_words", branch="words", modalities="ocr")
