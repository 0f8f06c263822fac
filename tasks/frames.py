"""The frame branch of videos: pictures, vectors, records."""

from __future__ import annotations

from pathlib import Path

from prefect.client.schemas.objects import State

from medley.artifacts import Draft
from medley.media import frames as pictures
from medley.records import write_branch
from medley.run import TaskContext
from medley.types import Asset, AssetBatch, Frame, Row
from tasks._embed import embed_pictures
from tasks._publish import publish_frames
from tasks._stage import run_batch, run_stage, stage_task


@stage_task(num_cpus=1, of="assets")
def sample_frames(assets: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """The pictures worth looking at, as JPEGs with times."""
    return run_stage("sample_frames", assets, run, lambda asset, draft: _sample(asset, run, draft), skip=_no_picture)


@stage_task(num_cpus=0.1, of="frames")
def embed_frames(frames: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """A vector for each frame."""
    return run_batch("embed_frames", frames, run, lambda todo: embed_pictures(todo, _rows, run))


@stage_task(num_cpus=0.1, of="vectors")
def write_frames(vectors: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """The frame records of the asset, and no others."""
    return run_batch("write_frames", vectors, run, lambda todo: write_branch(todo, "frames", run.models.vision, run))


def _no_picture(asset: Asset) -> str:
    return "" if asset.media.video_stream is not None else "no picture"


def _sample(asset: Asset, run: TaskContext, draft: Draft) -> None:
    found = pictures.sample_frames(asset, draft.directory, run.video.frames, run.limits)
    draft.data |= {"frames": len(found.frames), "damage": found.damage}
    publish_frames(asset, found.frames, draft.directory)


def _rows(directory: Path) -> list[tuple[Row, str]]:
    return [(_row(frame), frame.image) for frame in pictures.read_frames(directory)]


def _row(frame: Frame) -> Row:
    at_ms = round(frame.time_s * 1000)
    return Row("frame", "", start_ms=at_ms, end_ms=at_ms)
