"""Pictures: the picture of their DAG. Hundreds of them go through the stages together."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["image", *sys.argv[1:]]))

from flows.engine.prefect_flows import flow_attribute
from medley.dag.pipeline import pipeline
from medley.dag.tracing import Node
from medley.options import ImageOptions
from tasks.captions import caption, embed_captions, write_captions
from tasks.images import embed_images, label_images, load_images, write_images
from tasks.words import chunk, embed_text, ocr, write_words


@pipeline(options=ImageOptions, media=("image/*",), batch=100)
def image(assets: Node, options: ImageOptions) -> None:
    """Makes pictures searchable by what is on them."""
    pictures = load_images(assets)
    seen = embed_images(pictures)
    write_images(label_images(seen) if options.labels else seen)

    if options.captions.model:
        captions = caption(pictures)
        meanings = embed_captions(captions)
        write_captions(meanings)

    if options.pictures.ocr:
        lines = ocr(pictures)
        passages = chunk(lines)
        vectors = embed_text(passages)
        write_words(vectors)


#: `ingest_images` is the Prefect flow of this picture.
__getattr__ = flow_attribute("ingest_images", image)
