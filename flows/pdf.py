"""PDFs: the picture of their DAG. What is written and what is to be seen are two branches, as in videos."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["pdf", *sys.argv[1:]]))

from flows.engine.prefect_flows import flow_attribute
from medley.dag.pipeline import pipeline
from medley.dag.tracing import Node
from medley.options import PdfOptions
from tasks.captions import caption, embed_captions, write_captions
from tasks.figures import page_images
from tasks.images import embed_images, label_images, write_images
from tasks.pages import chunk, embed_text, ocr, parse, write_pages


@pipeline(options=PdfOptions, media=("application/pdf",), batch=8)
def pdf(assets: Node, options: PdfOptions) -> None:
    """Makes PDFs searchable by what is written and what is to be seen."""
    pages = parse(assets)
    lines = ocr(pages)
    passages = chunk(lines)
    vectors = embed_text(passages)
    write_pages(vectors)

    pictures = page_images(assets)
    seen = embed_images(pictures)
    write_images(label_images(seen) if options.labels else seen)

    if options.captions.model:
        captions = caption(pictures)
        meanings = embed_captions(captions)
        write_captions(meanings)


#: `ingest_pdfs` is the Prefect flow of this picture.
__getattr__ = flow_attribute("ingest_pdfs", pdf)
