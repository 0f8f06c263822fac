"""The branch of what is written on pages: text, OCR, passages, vectors, records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from medley.artifacts import Draft
from medley.dag.parts import embed_texts, write_records
from medley.dag.stage import stage
from medley.languages import with_languages
from medley.media.attachments import are_known
from medley.media.layout import Box, Line
from medley.media.pdf import PAGES, Page, parse_pdf, read_pages, write_page, write_tables
from medley.media.running import Running, role_of, running_lines, without_running
from medley.passages import passages_for
from medley.records import load_rows, save_rows
from medley.run import Pool, TaskContext
from medley.system.stop import raise_if_stopped
from medley.types import ArtifactRef, Asset, Modality, Row
from tasks.publish import publish_pages

PASSAGES = "passages.json"


def pages_as_json(source: str) -> Callable[[Path], dict[str, Any]]:
    """Makes an `export` fact: what is written on each page; `source` is "text" or "ocr"."""

    def export(made: Path) -> dict[str, Any]:
        pages = list(read_pages(made))
        running = running_lines(pages)
        return {"pages": [_page(page, source, running) for page in pages if page.blocks]}

    return export


def _page(page: Page, source: str, running: dict[tuple[int, Box], Running]) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = []
    for block in page.blocks:
        role = role_of(block, page.number, running)
        cells = {"cells": [list(row) for row in block.cells]} if block.cells else {}
        blocks.append({"text": block.text, "box": list(block.box), **cells} | ({"role": role} if role else {}))
    text = "\n\n".join(block.text for block in page.blocks)
    return {"page": page.number, "text": text, "source": source, "blocks": blocks}


@stage(
    version=5,
    branch="pages",
    reads=lambda o: o.pages.model_dump(exclude={"password"}),
    takes="assets",
    makes="pages",
    export=pages_as_json("text"),
    files=("*.csv",),
    current=are_known,
)
def parse(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Extracts the text of pages with boxes, in reading order, and makes pictures of pages without a text layer."""
    found = parse_pdf(asset, draft.directory, context.options.pages, context.limits, context.spread)
    draft.data |= {"pages": found.pages, "damage": found.damage, "notes": list(found.notes), "about": found.about}
    draft.data["attached"] = list(found.attached)
    write_tables(read_pages(draft.directory), draft.directory, "table")


@stage(
    version=4,
    branch="pages",
    model="ocr",
    seldom=True,
    takes="pages",
    makes="lines",
    export=pages_as_json("ocr"),
    files=("*.csv",),
    num_cpus=0.1,
)
def ocr(parsed: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Reads what is written on the pictures of pages without a text layer."""
    source = Path(parsed.directory)
    scans = [page for page in read_pages(source) if page.scan]
    with (draft.directory / PAGES).open("w") as file:
        if scans:  # no actor for documents that need none
            file.writelines(_read_scans(scans, source, context.model("ocr")))
    write_tables(read_pages(draft.directory), draft.directory, "scanned-table")


# a passage is so many tokens of the model that reads it
@stage(
    version=3,
    branch="pages",
    reads=lambda o: o.passages.model_dump(),
    model="text",
    takes="lines",
    makes="passages",
    num_cpus=0.1,
)
def chunk(read: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Cuts the text of pages into passages, each of which is what one search hit shows."""
    rows: list[Row] = []
    with context.artifact_store.hold([(read.asset.asset_id, "parse", context.fingerprints["parse"])]) as [parsed]:
        written: tuple[tuple[Modality, Path], ...] = (("page", parsed), ("ocr", Path(read.directory)))
        pages = [(modality, page) for modality, directory in written for page in read_pages(directory)]
    running = running_lines(page for _, page in pages)
    for modality, page in pages:
        body, once = without_running(page.blocks, page.number, running)
        found = passages_for(context.models.text, body, context.options.passages)
        rows += [Row(modality, passage.text, page=page.number, box=passage.box) for passage in found]
        rows += [Row(modality, line.text, page=page.number, box=line.box) for line in once]
    publish_pages(read.asset, sorted((page for _, page in pages if page.blocks), key=lambda page: page.number))
    save_rows(draft.directory / PASSAGES, with_languages(rows))


def _read_scans(scans: Sequence[Page], source: Path, model: Pool) -> Iterator[str]:
    for page in scans:
        raise_if_stopped()
        [lines] = model.call("read_images", [source / page.scan])
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


def passage_rows(directory: Path) -> list[Row]:
    """Reads the rows of passages."""
    return load_rows(directory / PASSAGES)


embed_text = embed_texts("embed_text", branch="pages", rows=passage_rows, takes="passages")
write_pages = write_records("write_pages", branch="pages", modalities=("page", "ocr"))
