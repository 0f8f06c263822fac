"""Vectors for what a unit's assets hold: all of it in the same batches, then each asset its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from actors.pool import in_batches, text_pool, vision_pool
from medley.artifacts import Draft
from medley.models.base import Vectors
from medley.records import save_vectors
from medley.run import TaskContext
from medley.types import ArtifactRef, Row

Todo = Sequence[tuple[ArtifactRef, Draft]]


def embed_texts(todo: Todo, rows_in: Callable[[Path], list[Row]], run: TaskContext) -> None:
    """`rows_in` reads the rows of an artifact; their texts are encoded."""
    found = [rows_in(Path(source.directory)) for source, _ in todo]
    texts = [row.text for rows in found for row in rows]
    _save(todo, found, in_batches(text_pool, run, "encode_texts", texts))


def embed_pictures(todo: Todo, rows_in: Callable[[Path], list[tuple[Row, str]]], run: TaskContext) -> None:
    """`rows_in` reads the rows of an artifact, each with the name of its JPEG there; those are encoded."""
    found: list[list[Row]] = []
    paths: list[Path] = []
    for source, _ in todo:
        directory = Path(source.directory)
        pictures = rows_in(directory)
        within = directory.relative_to(run.artifacts)
        found.append([replace(row, thumbnail=str(within / name)) for row, name in pictures])
        paths += [directory / name for _, name in pictures]
    _save(todo, found, in_batches(vision_pool, run, "encode_images", paths))


def _save(todo: Todo, found: Sequence[list[Row]], vectors: Vectors) -> None:
    at = 0
    for (_, draft), rows in zip(todo, found, strict=True):
        save_vectors(draft.directory, rows, vectors[at : at + len(rows)])
        at += len(rows)
