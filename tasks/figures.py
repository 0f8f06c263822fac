"""The branch of what is to be seen on pages: pictures and drawings, vectors, records."""

from __future__ import annotations

from pathlib import Path

from prefect.client.schemas.objects import State

from medley.artifacts import Draft
from medley.media.pdf import find_figures, read_figures
from medley.run import TaskContext
from medley.types import Asset, AssetBatch, Row
from tasks._embed import embed_pictures
from tasks._publish import publish_figures
from tasks._stage import run_batch, run_stage, stage_task


@stage_task(num_cpus=1, of="assets")
def page_images(assets: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """Pictures and drawings of all pages, as JPEGs with page and box."""
    return run_stage("page_images", assets, run, lambda asset, draft: _find(asset, run, draft))


@stage_task(num_cpus=0.1, of="figures")
def embed_images(figures: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """A vector for each figure."""
    return run_batch("embed_images", figures, run, lambda todo: embed_pictures(todo, figure_rows, run))


def _find(asset: Asset, run: TaskContext, draft: Draft) -> None:
    find_figures(asset, draft.directory, run.pdf.pages, run.pdf.figures, run.limits)
    publish_figures(asset, read_figures(draft.directory), draft.directory)


def figure_rows(directory: Path) -> list[tuple[Row, str]]:
    """Of what `page_images` has found: each figure's row with its place, and the name of its JPEG."""
    return [(Row("image", "", page=f.page, box=f.box), f.image) for f in read_figures(directory)]
