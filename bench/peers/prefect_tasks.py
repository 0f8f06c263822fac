"""Prefect as its tutorials write it: a task for each stage, a flow for each workload; models are kept by processes."""

from __future__ import annotations

from typing import Any

from prefect import flow, task

from bench.peers import stages
from bench.peers.stages import Row, Written, model

probe = task(stages.asset_of)
audio = task(stages.extract_audio)
frames = task(stages.sample_frames)
passages = task(stages.page_rows)


@task
def transcribe(wav: str) -> list[Row]:
    """Rows of what is said."""
    rows: list[Row] = model("speech")(wav)
    return rows


@task
def embed_text(rows: list[Row]) -> tuple[list[Row], Any]:
    """Vectors of rows."""
    return rows, model("text")([row.text for row in rows])


@task
def embed_frames(found: tuple[list[Row], Any]) -> tuple[list[Row], Any]:
    """Vectors of a clip's frames."""
    return found[0], model("vision")(found[1])


@task
def copies(paths: list[str]) -> tuple[list[Any], Any]:
    """JPEGs of pictures."""
    assets = [stages.asset_of(path) for path in paths]
    return assets, stages.load_images(assets)


@task
def embed_images(found: tuple[list[Any], Any]) -> list[Written]:
    """Vectors of pictures."""
    vectors = model("vision")(found[1])
    return [(asset.asset_id, [Row("image", "")], v[None]) for asset, v in zip(found[0], vectors, strict=True)]


@flow
def video(paths: list[str]) -> tuple[list[Written], list[Written]]:
    """Both branches of all clips at once."""
    futures = []
    for path in paths:
        asset = probe.submit(path)
        said = embed_text.submit(transcribe.submit(audio.submit(asset)))
        futures.append((asset, said, embed_frames.submit(frames.submit(asset))))
    found = [(asset.result().asset_id, said.result(), seen.result()) for asset, said, seen in futures]
    return [(name, *said) for name, said, _ in found], [(name, *seen) for name, _, seen in found]


@flow
def image(paths: list[str]) -> list[Written]:
    """Fifty at a time."""
    futures = [embed_images.submit(copies.submit(paths[at : at + 50])) for at in range(0, len(paths), 50)]
    return [item for future in futures for item in future.result()]


@flow
def pdf(paths: list[str]) -> list[Written]:
    """All documents at once."""
    assets = [probe.submit(path) for path in paths]
    futures = [(asset, embed_text.submit(passages.submit(asset))) for asset in assets]
    return [(asset.result().asset_id, *future.result()) for asset, future in futures]
