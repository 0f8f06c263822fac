"""What a task shows in Prefect's UI."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact
from prefect.context import TaskRunContext

from medley.types import Asset, Segment


def publish_transcript(asset: Asset, segments: Sequence[Segment]) -> None:
    """The transcript with times as a Markdown artifact of the task run; nothing outside of one."""
    if TaskRunContext.get() is None:
        return
    lines = [f"| {_clock(s.start_s)} | {_clock(s.end_s)} | {_cell(s.text)} |" for s in segments]
    table = "\n".join(["| from | to | text |", "|---|---|---|", *lines])
    create_markdown_artifact(
        markdown=f"# {_cell(asset.name)}\n\n{table if segments else 'No speech.'}\n",
        key=f"transcript-{asset.asset_id[:12]}",
        description=f"Transcript of {asset.name}",
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
