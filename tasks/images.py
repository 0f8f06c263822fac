"""Pictures: copies of ours, vectors, records. Their stages work on hundreds at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medley.artifacts import Draft
from medley.dag.parts import embed_pictures, label_pictures, write_records
from medley.dag.stage import batch_stage
from medley.media.page_names import pages_of
from medley.media.pdf import has_figures, read_figures
from medley.media.pictures import PICTURE, convert_assets
from medley.run import TaskContext
from medley.types import Asset, Row
from tasks.publish import publish_pictures


@batch_stage(
    version=3,
    branch="images",
    reads=lambda o: o.pictures.model_dump(exclude={"ocr"}),
    takes="assets",
    makes="pictures",
)
def load_images(todo: Sequence[tuple[Asset, Draft]], context: TaskContext) -> None:
    """Makes upright copies of pictures in sRGB, no larger than a model looks at."""
    wanted = [(asset, draft.directory / PICTURE) for asset, draft in todo]
    found = convert_assets(wanted, context.options.pictures.max_side_px, context.limits)
    for (_, draft), made in zip(todo, found, strict=True):
        draft.error = made.error
        draft.data |= {"damage": made.damage, "notes": list(made.notes), "about": made.about}
    made_of = [(asset, pages_of(draft.directory / PICTURE)) for asset, draft in todo if draft.error is None]
    publish_pictures([(asset, pages[0][1]) for asset, pages in made_of])


def picture_rows(directory: Path) -> list[tuple[Row, str]]:
    """Reads the rows of pictures, each with the name of its JPEG: pages of a picture, or figures of a document."""
    if has_figures(directory):
        return [(Row("image", f.caption, page=f.page, box=f.box), f.image) for f in read_figures(directory)]
    return [(Row("image", "", page=page), path.name) for page, path in pages_of(directory / PICTURE)]


embed_images = embed_pictures("embed_images", branch="images", rows=picture_rows, takes="pictures")
label_images = label_pictures("label_images", branch="images")
write_images = write_records("write_images", branch="images", modalities="image", space="image")
