"""Pictures: the picture of their DAG. Hundreds of them go through the stages together."""

from __future__ import annotations

import sys

if __name__ == "__main__":  # before Prefect is imported: a command that finds all unchanged does without it
    from flows.commands.cli import main

    sys.exit(main(["image", *sys.argv[1:]]))

from typing import Any

from prefect import flow
from prefect.futures import PrefectFuture

from flows.engine.flow import flow_options, report, window
from flows.engine.run import joined_run
from medley.options import ImageOptions
from medley.run import TaskContext
from medley.types import AssetBatch
from tasks.captions import caption, embed_captions, write_captions
from tasks.images import embed_images, load_images, write_images
from tasks.words import chunk, embed_text, ocr, write_words

_DEFAULTS = ImageOptions()
_UNIT = 100


@flow(name="image", **flow_options("image"))
def ingest_images(paths: list[str], options: ImageOptions = _DEFAULTS, force: bool = False) -> Any:
    """Makes pictures searchable by what is on them.

    Args:
        paths: Files on the machine where the worker runs.
        options: What to do with them.
        force: Do everything again, whatever is known of these files.

    """
    with joined_run("image", options, force=force) as run:
        return report(window(run.identify(paths), submit_images, run, unit=_UNIT))


def submit_images(assets: AssetBatch, run: TaskContext) -> list[PrefectFuture[Any]]:
    """Submits every stage of a unit and waits for none."""
    pictures = load_images.submit(assets, run)
    vectors = embed_images.submit(pictures, run)
    seen = write_images.submit(vectors, run)

    futures = [pictures, vectors, seen]
    if run.captions.model:
        captions = caption.submit(pictures, run)
        meanings = embed_captions.submit(captions, run)
        futures += [captions, meanings, write_captions.submit(meanings, run)]
    if run.image.pictures.ocr:
        lines = ocr.submit(pictures, run)
        chunks = chunk.submit(lines, run)
        words = embed_text.submit(chunks, run)
        futures += [lines, chunks, words, write_words.submit(words, run)]
    return futures
