"""What is to be seen on pages: pictures and drawings. Vectors and records: see images.py."""

from __future__ import annotations

from medley.artifacts import Draft
from medley.dag.stage import stage
from medley.media.pdf import find_figures, read_figures
from medley.run import TaskContext
from medley.types import Asset
from tasks.publish import publish_figures


@stage(
    version=4,
    branch="images",
    reads=lambda o: [o.pages.dpi, o.figures.model_dump()],
    takes="assets",
    makes="pictures",
)
def page_images(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Pictures and drawings of all pages, as JPEGs with page and box."""
    how = (context.options.pages, context.options.figures, context.limits)
    find_figures(asset, draft.directory, *how, context.spread)
    publish_figures(asset, read_figures(draft.directory), draft.directory)
