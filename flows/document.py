"""Documents that are no PDFs: the picture of their DAG. What is written and pictures are two branches."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["document", *sys.argv[1:]]))

from flows.engine.prefect_flows import flow_attribute
from medley.dag.pipeline import pipeline
from medley.dag.tracing import Node
from medley.media.documents import document_type
from medley.options import DocumentOptions
from medley.types import DOCUMENTS
from tasks.documents import (
    chunk_document,
    document_pictures,
    embed_document,
    embed_document_pictures,
    label_document_pictures,
    read_document,
    write_document,
    write_document_pictures,
)


@pipeline(options=DocumentOptions, media=DOCUMENTS, batch=32, sniff=document_type)
def document(assets: Node, options: DocumentOptions) -> None:
    """Makes office documents, web pages, books, mails and texts searchable."""
    written = read_document(assets)
    passages = chunk_document(written)
    vectors = embed_document(passages)
    write_document(vectors)

    pictures = document_pictures(assets)
    seen = embed_document_pictures(pictures)
    write_document_pictures(label_document_pictures(seen) if options.labels else seen)


#: `ingest_documents` is the Prefect flow of this picture.
__getattr__ = flow_attribute("ingest_documents", document)
