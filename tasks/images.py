"""Pictures: copies of ours, vectors, records. Their tasks work on hundreds at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect.client.schemas.objects import State

from medley.artifacts import Draft
from medley.media.page_names import pages_of
from medley.media.pictures import PICTURE, convert_assets
from medley.records import write_branch
from medley.run import TaskContext
from medley.types import Asset, AssetBatch, Row
from tasks._embed import embed_pictures
from tasks._publish import publish_pictures
from tasks._stage import run_batch, stage_task


@stage_task(num_cpus=1, of="assets")
def load_images(assets: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """Upright copies in sRGB, no larger than a model looks at."""
    return run_batch("load_images", assets, run, lambda todo: _load(todo, run))


@stage_task(num_cpus=0.1, of="pictures")
def embed_images(pictures: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """A vector for each picture."""
    return run_batch("embed_images", pictures, run, lambda todo: embed_pictures(todo, picture_rows, run))


@stage_task(num_cpus=0.1, of="vectors")
def write_images(vectors: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """The picture records of each asset, and no others."""
    return run_batch("write_images", vectors, run, lambda todo: write_branch(todo, "images", run.models.vision, run))


def _load(todo: Sequence[tuple[Asset, Draft]], run: TaskContext) -> None:
    wanted = [(asset, draft.directory / PICTURE) for asset, draft in todo]
    found = convert_assets(wanted, run.image.pictures.max_side_px, run.limits)
    for (_, draft), made in zip(todo, found, strict=True):
        draft.error = made.error
        draft.data |= {"damage": made.damage, "notes": list(made.notes)}
    made_of = [(asset, pages_of(draft.directory / PICTURE)) for asset, draft in todo if draft.error is None]
    publish_pictures([(asset, pages[0][1]) for asset, pages in made_of])


def picture_rows(directory: Path) -> list[tuple[Row, str]]:
    """Of what `load_images` has made: each page of the picture, a row without a place, and the name of its JPEG."""
    return [(Row("image", "", page=page), path.name) for page, path in pages_of(directory / PICTURE)]
