"""What a task shows in Prefect's UI: a view of what is kept in the artifact store, so its loss fails nothing."""

from __future__ import annotations

import base64
import contextlib
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medley.media.pdf import Figure, Page
from medley.plain import markdown_text
from medley.types import Asset, Frame, Segment, clock

if TYPE_CHECKING:  # it loads Pillow
    from medley.media.on_screen import Screen

_LABEL = 22  # letters below a small picture
_PAGES, _BEGINNING = 100, 300


@contextlib.contextmanager
def only_shown() -> Iterator[None]:
    """Lets Prefect's server be away while the block runs: an absent server is logged, and no reason to fail."""
    import httpx

    try:
        yield
    except httpx.HTTPError as error:
        logging.getLogger("medley").warning("not shown in Prefect: %s: %s", type(error).__name__, error)


def embedded(picture: bytes, media_type: str) -> str:
    """Encodes a picture for use within Markdown: Prefect's pages need no server of Medley's to show the picture."""
    return f"data:{media_type};base64,{base64.b64encode(picture).decode()}"


def publish_transcript(asset: Asset, segments: Sequence[Segment]) -> None:
    """Publishes the transcript with times as a Markdown artifact of the task run; nothing outside of a task run."""
    # a list: the cells of a table are cut off where the page ends
    lines = [f"- **{clock(s.start_s)} – {clock(s.end_s)}** {markdown_text(s.text)}" for s in segments]
    _publish(asset, "transcript", "Transcript", "\n".join(lines) or "No speech.")


def publish_frames(asset: Asset, frames: Sequence[Frame], directory: Path) -> None:
    """Publishes a contact sheet of frames as a Markdown artifact of the task run; nothing outside of a task run."""
    _publish_sheet(asset, "frames", [(directory / frame.image, clock(frame.time_s)) for frame in frames])


def publish_figures(asset: Asset, figures: Sequence[Figure], directory: Path) -> None:
    """Publishes a contact sheet of the figures on pages as a Markdown artifact, as `publish_frames` does of frames."""
    _publish_sheet(asset, "figures", [(directory / figure.image, f"page {figure.page}") for figure in figures])


def publish_pictures(pictures: Sequence[tuple[Asset, Path]]) -> None:
    """Publishes a contact sheet of a batch of pictures under its first one's name; see `publish_frames`."""
    if pictures:
        _publish_sheet(pictures[0][0], "pictures", [(path, asset.name[-_LABEL:]) for asset, path in pictures])


def publish_pages(asset: Asset, pages: Sequence[Page]) -> None:
    """Publishes how each of the first pages begins, as a Markdown artifact of the task run; nothing outside of one."""
    written = [(page.number, " ".join(block.text for block in page.blocks)) for page in pages[:_PAGES]]
    lines = [f"- **{number}** {markdown_text(text[:_BEGINNING])}" for number, text in written if text]
    _publish(asset, "pages", "Pages", "\n".join(lines) or "No text.")


def publish_screens(asset: Asset, screens: Sequence[Screen]) -> None:
    """Publishes what is written on frames, with times, as a Markdown artifact; nothing where nothing is written."""
    shown = ((screen, " · ".join(line.text for line in screen.lines)) for screen in screens)
    lines = [f"- **{clock(s.start_s)} – {clock(s.end_s)}** {markdown_text(text)}" for s, text in shown]
    if lines:
        _publish(asset, "screens", "On screen", "\n".join(lines))


def _publish_sheet(asset: Asset, key: str, pictures: Sequence[tuple[Path, str]]) -> None:
    if not pictures or not _in_a_task_run():
        return
    from medley.media.sheet import contact_sheet  # loads Pillow

    sheet = embedded(contact_sheet(pictures), "image/jpeg")
    _publish(asset, key, key.capitalize(), f"{len(pictures)} {key}\n\n![contact sheet]({sheet})")


def _publish(asset: Asset, key: str, title: str, markdown: str) -> None:
    if not _in_a_task_run():
        return
    from prefect.artifacts import create_markdown_artifact

    with only_shown():
        create_markdown_artifact(
            markdown=f"# {markdown_text(asset.name)}\n\n{markdown}\n",
            key=f"{key}-{asset.asset_id[:12]}",
            description=f"{title} of {markdown_text(asset.name)}",
        )


def _in_a_task_run() -> bool:
    """Prefect is imported by whoever runs tasks: stages do without it."""
    if "prefect" not in sys.modules:
        return False
    from prefect.context import TaskRunContext

    return TaskRunContext.get() is not None
