"""The branch of what is written on pages: text, OCR, passages, vectors, records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from prefect.client.schemas.objects import State

from actors.pool import Pool, ocr_pool
from medley.artifacts import ArtifactStore, Draft
from medley.media.layout import Line
from medley.media.pdf import PAGES, Page, parse_pdf, read_pages, write_page
from medley.passages import passages_for
from medley.records import load_rows, save_rows, write_branch
from medley.run import TaskContext
from medley.system.stop import raise_if_stopped
from medley.types import ArtifactRef, Asset, AssetBatch, Modality, Row
from tasks._embed import embed_texts
from tasks._publish import publish_pages
from tasks._stage import run_batch, run_stage, stage_task

PASSAGES = "passages.json"


@stage_task(num_cpus=1, of="assets")
def parse(assets: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """Text with boxes, in reading order; pictures of pages without a text layer."""
    return run_stage("parse", assets, run, lambda asset, draft: _parse(asset, run, draft))


@stage_task(num_cpus=0.1, of="pages")
def ocr(pages: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """What is written on those pictures."""
    return run_stage("ocr", pages, run, lambda parsed, draft: _read(parsed, run, draft))


@stage_task(num_cpus=0.1, of="pages")
def chunk(pages: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """What one search hit shows."""
    return run_stage("chunk", pages, run, lambda read, draft: _chunk(read, run, draft))


@stage_task(num_cpus=0.1, of="chunks")
def embed_text(chunks: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """A vector for each passage."""
    return run_batch("embed_text", chunks, run, lambda todo: embed_texts(todo, _rows, run))


@stage_task(num_cpus=0.1, of="vectors")
def write_pages(vectors: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """The page records of each asset, and no others."""
    return run_batch("write_pages", vectors, run, lambda todo: write_branch(todo, "pages", run.models.text, run))


def _parse(asset: Asset, run: TaskContext, draft: Draft) -> None:
    found = parse_pdf(asset, draft.directory, run.pdf.pages, run.limits)
    draft.data |= {"pages": found.pages, "damage": found.damage, "notes": list(found.notes)}


def _read(parsed: ArtifactRef, run: TaskContext, draft: Draft) -> None:
    source = Path(parsed.directory)
    scans = [page for page in read_pages(source) if page.scan]
    with (draft.directory / PAGES).open("w") as file:
        if scans:  # no actor for documents that need none
            file.writelines(_read_scans(scans, source, ocr_pool(run)))


def _read_scans(scans: Sequence[Page], source: Path, pool: Pool) -> Iterator[str]:
    for page in scans:
        raise_if_stopped()
        [lines] = pool.call("read_images", [source / page.scan])
        read = [_in_points(line, page) for line in lines]
        yield write_page(page, [line for line in read if not _is_written(line, page)])


def _is_written(line: Line, page: Page) -> bool:
    """Whether the text layer has it already: a stamp on a scan."""
    x, y = (line.box[0] + line.box[2]) / 2, (line.box[1] + line.box[3]) / 2
    boxes = (known.box for block in page.blocks for known in block.lines)
    return any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box in boxes)


def _in_points(line: Line, page: Page) -> Line:
    """Boxes of the OCR are in pixels of the picture that `parse_pdf` made."""
    left, top = page.scan_area[:2] if page.scan_area else (0.0, 0.0)
    x0, y0, x1, y1 = (edge / page.scan_scale for edge in line.box)
    return Line(line.text, (round(left + x0, 2), round(top + y0, 2), round(left + x1, 2), round(top + y1, 2)))


def _chunk(read: ArtifactRef, run: TaskContext, draft: Draft) -> None:
    parsed = ArtifactStore(run.artifacts).directory(read.asset.asset_id, "parse", run.fingerprints["parse"])
    rows: list[Row] = []
    written: tuple[tuple[Modality, Path], ...] = (("page", parsed), ("ocr", Path(read.directory)))
    pages = [(modality, page) for modality, directory in written for page in read_pages(directory)]
    for modality, page in pages:
        found = passages_for(run.models.text, page.blocks, run.pdf.passages)
        rows += [Row(modality, passage.text, page=page.number, box=passage.box) for passage in found]
    publish_pages(read.asset, sorted((page for _, page in pages if page.blocks), key=lambda page: page.number))
    save_rows(draft.directory / PASSAGES, rows)


def _rows(directory: Path) -> list[Row]:
    return load_rows(directory / PASSAGES)
