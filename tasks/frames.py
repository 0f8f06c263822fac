"""The frame branch: pictures, vectors, records."""

from __future__ import annotations

from pathlib import Path

from prefect.client.schemas.objects import State

from actors.pool import in_batches, vision_pool
from medley.artifacts import Draft
from medley.media import frames as pictures
from medley.records import save_vectors, write_branch
from medley.run import Run
from medley.types import ArtifactRef, Asset, Frame, Row
from tasks._publish import publish_frames
from tasks._stage import run_stage, stage_task


@stage_task(num_cpus=1, of="asset")
def sample_frames(asset: Asset, run: Run) -> ArtifactRef | State[ArtifactRef]:
    """The pictures worth looking at, as JPEGs with times."""
    none = "" if asset.media.video_stream is not None else "no picture"
    return run_stage("sample_frames", asset, run, lambda draft: _sample(asset, run, draft), skip=none)


@stage_task(num_cpus=0.1, of="frames")
def embed_frames(frames: ArtifactRef, run: Run) -> ArtifactRef | State[ArtifactRef]:
    """A vector for each frame."""
    return run_stage("embed_frames", frames, run, lambda draft: _embed(frames, run, draft))


@stage_task(num_cpus=0.1, of="vectors")
def write_frames(vectors: ArtifactRef, run: Run) -> ArtifactRef | State[ArtifactRef]:
    """The frame records of the asset, and no others."""
    return run_stage(
        "write_frames",
        vectors,
        run,
        lambda draft: write_branch(vectors, "frames", run.models.vision, run, draft),
    )


def _sample(asset: Asset, run: Run, draft: Draft) -> None:
    found = pictures.sample_frames(asset, draft.directory, run.options.frames, run.limits)
    draft.data |= {"frames": len(found.frames), "damage": found.damage}
    publish_frames(asset, found.frames, draft.directory)


def _embed(sampled: ArtifactRef, run: Run, draft: Draft) -> None:
    directory = Path(sampled.directory)
    frames = pictures.read_frames(directory)
    vectors = in_batches(vision_pool(run), "encode_images", [directory / frame.image for frame in frames])
    save_vectors(draft.directory, [_row(frame, directory, run) for frame in frames], vectors)


def _row(frame: Frame, directory: Path, run: Run) -> Row:
    at_ms = round(frame.time_s * 1000)
    thumbnail = (directory / frame.image).relative_to(run.artifacts)
    return Row("frame", "", start_ms=at_ms, end_ms=at_ms, thumbnail=str(thumbnail))
