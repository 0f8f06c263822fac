"""The branch of what is written on pictures: OCR, passages, vectors, records."""

from __future__ import annotations

from pathlib import Path

from prefect.client.schemas.objects import State

from actors.pool import ocr_pool
from medley.artifacts import ArtifactStore, Draft
from medley.media.pdf import PAGES, Page, read_pages, write_page
from medley.media.pictures import PICTURE
from medley.models.tokens import most_tokens, token_counter
from medley.passages import passages
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
    [lines] = ocr_pool(run).call("read_images", [Path(picture.directory, PICTURE)])
    (draft.directory / PAGES).write_text(write_page(Page(1, 0.0, 0.0, ()), lines))  # boxes are in the copy's pixels


def _chunk(read: ArtifactRef, run: Run, draft: Draft) -> None:
    options, spec = run.image.passages, run.models.text
    tokens, most = token_counter(spec), min(options.max_tokens, most_tokens(spec))
    [page] = read_pages(Path(read.directory))
    found, picture = passages(page.blocks, tokens, most, options.overlap), _picture_of(read, run)
    save_rows(draft.directory / PASSAGES, [Row("ocr", part.text, box=part.box, thumbnail=picture) for part in found])


def _picture_of(read: ArtifactRef, run: Run) -> str:
    """Our copy of the picture, from the artifact store's root."""
    directory = ArtifactStore(run.artifacts).directory(
        read.asset.asset_id, "load_images", run.fingerprints["load_images"]
    )
    return str(directory.relative_to(run.artifacts) / PICTURE)


def _rows(directory: Path) -> list[Row]:
    return load_rows(directory / PASSAGES)
