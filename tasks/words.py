"""The branch of what is written on pictures: OCR, passages, vectors, records."""

from __future__ import annotations

from pathlib import Path

from prefect.client.schemas.objects import State

from actors.pool import ocr_pool
from medley.artifacts import Draft
from medley.media.page_names import pages_of
from medley.media.pdf import PAGES, Page, read_pages, write_page
from medley.media.pictures import PICTURE
from medley.passages import passages_for
from medley.records import load_rows, save_rows, write_branch
from medley.run import TaskContext
from medley.system.stop import raise_if_stopped
from medley.types import ArtifactRef, AssetBatch, Row
from tasks._embed import embed_texts
from tasks._stage import run_batch, run_stage, stage_task
from tasks.pages import PASSAGES

_ONLY = 0  # the number of a picture that has no pages


@stage_task(num_cpus=0.1, of="pictures")
def ocr(pictures: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """Lines of text, in reading order."""
    return run_stage("ocr", pictures, run, lambda picture, draft: _read(picture, run, draft))


@stage_task(num_cpus=0.1, of="lines")
def chunk(lines: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """What one search hit shows."""
    return run_stage("chunk", lines, run, lambda read, draft: _chunk(read, run, draft))


@stage_task(num_cpus=0.1, of="chunks")
def embed_text(chunks: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """A vector for each passage."""
    return run_batch("embed_text", chunks, run, lambda todo: embed_texts(todo, _rows, run))


@stage_task(num_cpus=0.1, of="vectors")
def write_words(vectors: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """The records of what is written on each picture, and no others."""
    return run_batch("write_words", vectors, run, lambda todo: write_branch(todo, "words", run.models.text, run))


def _read(picture: ArtifactRef, run: TaskContext, draft: Draft) -> None:
    with (draft.directory / PAGES).open("w") as file:
        for number, path in pages_of(Path(picture.directory, PICTURE)):
            raise_if_stopped()
            [lines] = ocr_pool(run).call("read_images", [path])
            scan = str(path.relative_to(run.artifacts))
            file.write(write_page(Page(number or _ONLY, 0.0, 0.0, (), scan=scan), lines))  # boxes are in its pixels


def _chunk(read: ArtifactRef, run: TaskContext, draft: Draft) -> None:
    rows = []
    for page in read_pages(Path(read.directory)):
        number = None if page.number == _ONLY else page.number
        for part in passages_for(run.models.text, page.blocks, run.image.passages):
            rows.append(Row("ocr", part.text, box=part.box, page=number, thumbnail=page.scan))
    save_rows(draft.directory / PASSAGES, rows)


def _rows(directory: Path) -> list[Row]:
    return load_rows(directory / PASSAGES)
