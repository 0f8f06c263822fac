"""The branch of what is written on pictures: OCR, passages, vectors, records."""

from __future__ import annotations

from pathlib import Path

from prefect.client.schemas.objects import State

from actors.pool import ocr_pool
from medley.artifacts import Draft
from medley.media.pdf import PAGES, Page, read_pages, write_page
from medley.media.pictures import PICTURE
from medley.passages import passages_for
from medley.records import load_rows, save_rows, write_branch
from medley.run import Run
from medley.types import ArtifactRef, Row, Unit
from tasks._embed import embed_texts
from tasks._stage import run_batch, run_stage, stage_task
from tasks.pages import PASSAGES


@stage_task(num_cpus=0.1, of="pictures")
def ocr(pictures: Unit, run: Run) -> State[Unit]:
    """Lines of text, in reading order."""
    return run_stage("ocr", pictures, run, lambda picture, draft: _read(picture, run, draft))


@stage_task(num_cpus=0.1, of="lines")
def chunk(lines: Unit, run: Run) -> State[Unit]:
    """What one search hit shows."""
    return run_stage("chunk", lines, run, lambda read, draft: _chunk(read, run, draft))


@stage_task(num_cpus=0.1, of="chunks")
def embed_text(chunks: Unit, run: Run) -> State[Unit]:
    """A vector for each passage."""
    return run_batch("embed_text", chunks, run, lambda todo: embed_texts(todo, _rows, run))


@stage_task(num_cpus=0.1, of="vectors")
def write_words(vectors: Unit, run: Run) -> State[Unit]:
    """The records of what is written on each picture, and no others."""
    return run_batch("write_words", vectors, run, lambda todo: write_branch(todo, "words", run.models.text, run))


def _read(picture: ArtifactRef, run: Run, draft: Draft) -> None:
    source = Path(picture.directory, PICTURE)
    [lines] = ocr_pool(run).call("read_images", [source])
    page = Page(1, 0.0, 0.0, (), scan=str(source.relative_to(run.artifacts)))  # boxes are in the picture's pixels
    (draft.directory / PAGES).write_text(write_page(page, lines))


def _chunk(read: ArtifactRef, run: Run, draft: Draft) -> None:
    [page] = read_pages(Path(read.directory))
    found = passages_for(run.models.text, page.blocks, run.image.passages)
    save_rows(draft.directory / PASSAGES, [Row("ocr", part.text, box=part.box, thumbnail=page.scan) for part in found])


def _rows(directory: Path) -> list[Row]:
    return load_rows(directory / PASSAGES)
