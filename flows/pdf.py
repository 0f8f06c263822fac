"""PDFs: the picture of their DAG. What is written and what is to be seen are two branches, as in videos."""

from __future__ import annotations

import sys

if __name__ == "__main__":  # before Prefect is imported: a command that finds all unchanged does without it
    from flows.commands.cli import main

    sys.exit(main(["pdf", *sys.argv[1:]]))

from typing import Any

from prefect import flow
from prefect.futures import PrefectFuture

from flows.engine.flow import flow_options, report, window
from flows.engine.run import joined_run
from medley.options import PdfOptions
from medley.run import TaskContext
from medley.types import AssetBatch
from tasks.captions import caption, embed_captions, write_captions
from tasks.figures import embed_images, page_images
from tasks.images import write_images
from tasks.pages import chunk, embed_text, ocr, parse, write_pages

_DEFAULTS = PdfOptions()
_UNIT = 8


@flow(name="pdf", **flow_options("pdf"))
def ingest_pdfs(paths: list[str], options: PdfOptions = _DEFAULTS, force: bool = False) -> Any:
    """Makes PDFs searchable by what is written and what is to be seen.

    Args:
        paths: Files on the machine where the worker runs.
        options: What to do with them.
        force: Do everything again, whatever is known of these files.

    """
    with joined_run("pdf", options, force=force) as run:
        return report(window(run.identify(paths), submit_pdfs, run, unit=_UNIT))


def submit_pdfs(assets: AssetBatch, run: TaskContext) -> list[PrefectFuture[Any]]:
    """Submits every stage of a unit and waits for none."""
    pages = parse.submit(assets, run)
    read = ocr.submit(pages, run)
    chunks = chunk.submit(read, run)
    vectors = embed_text.submit(chunks, run)
    written = write_pages.submit(vectors, run)

    figures = page_images.submit(assets, run)
    pictures = embed_images.submit(figures, run)
    seen = write_images.submit(pictures, run)

    futures = [pages, read, chunks, vectors, written, figures, pictures, seen]
    if run.captions.model:
        captions = caption.submit(figures, run)
        meanings = embed_captions.submit(captions, run)
        futures += [captions, meanings, write_captions.submit(meanings, run)]
    return futures
