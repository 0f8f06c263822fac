"""Ready-made stages that end every branch with records: vectors of texts or pictures, and the records."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medley.artifacts import Draft
from medley.dag.stage import Stage, Work
from medley.labels import fitting, mark, unrelated_texts
from medley.models.base import Kind, Vectors
from medley.records import ROWS, load_rows, load_vectors, save_vectors, write_branch
from medley.run import Pool, TaskContext
from medley.system.stop import raise_if_stopped
from medley.types import ArtifactRef, Row

Todo = Sequence[tuple[ArtifactRef, Draft]]
#: Reads the rows of an artifact.
Rows = Callable[[Path], list[Row]]
#: Reads the rows of an artifact, each with the name of its JPEG there.
PictureRows = Callable[[Path], list[tuple[Row, str]]]
_BATCH = 64


def rows_left(directory: Path) -> list[Row]:
    """Reads the rows that a stage has left with `save_rows(draft.directory / ROWS, rows)`."""
    return load_rows(directory / ROWS)


def embed_texts(name: str, *, branch: str, rows: Rows = rows_left, takes: str = "", version: int = 1) -> Stage:
    """Makes a stage that encodes the texts of an artifact's rows with the text model, all of a batch together."""

    def work(todo: Todo, context: TaskContext) -> None:
        """Encodes each text as a vector."""
        found = [rows(Path(source.directory)) for source, _ in todo]
        texts = [row.text for part in found for row in part]
        _save(todo, found, _encoded(texts, "encode_texts", lambda: context.model("text")))
        if context.models.text.endpoint:
            from medley.models.tokens import token_counter  # loads tokenizers

            count = token_counter(context.models.text)
            for (_, draft), part in zip(todo, found, strict=True):
                draft.data["tokens"] = sum(count(row.text) for row in part)

    return _embedding(name, work, "text", branch, takes, version)


def embed_pictures(name: str, *, branch: str, rows: PictureRows, takes: str = "", version: int = 1) -> Stage:
    """Makes a stage that encodes the JPEGs of an artifact with the vision model, all of a batch together."""

    def work(todo: Todo, context: TaskContext) -> None:
        """Encodes each picture as a vector."""
        found: list[list[Row]] = []
        paths: list[Path] = []
        for source, _ in todo:
            directory = Path(source.directory)
            pictures, within = rows(directory), directory.relative_to(context.artifacts)
            found.append([replace(row, thumbnail=str(within / picture)) for row, picture in pictures])
            paths += [directory / picture for _, picture in pictures]
        different = list(dict.fromkeys(paths))  # a picture that comes back is one file
        vectors = _encoded(different, "encode_images", lambda: context.model("vision"))
        places = {path: at for at, path in enumerate(different)}
        _save(todo, found, vectors[[places[path] for path in paths]])

    return _embedding(name, work, "vision", branch, takes, version)


def label_pictures(name: str, *, branch: str) -> Stage:
    """Makes a stage that marks the pictures of a branch with those of the run's labels that fit them."""

    def work(todo: Todo, context: TaskContext) -> None:
        """Marks each picture with the labels that fit."""
        wanted = list(context.options.labels)
        found = [load_vectors(Path(source.directory)) for source, _ in todo]
        texts = [*wanted, *unrelated_texts()] if any(rows for rows, _ in found) else []
        encoded = _encoded(texts, "encode_texts", lambda: context.model("vision"))
        for (_, draft), (rows, vectors) in zip(todo, found, strict=True):
            if not rows:
                save_vectors(draft.directory, rows, vectors)
                continue
            fits = fitting(vectors, encoded[: len(wanted)], encoded[len(wanted) :])
            marked = [_labelled(row, wanted, fit) for row, fit in zip(rows, fits, strict=True)]
            save_vectors(draft.directory, marked, vectors)

    facts: dict[str, Any] = {"takes": "vectors", "makes": "vectors", "model": "vision"}
    return _waiting(name, work, branch, 1, {**facts, "reads": lambda options: list(options.labels)})


def _labelled(row: Row, labels: Sequence[str], fits: Any) -> Row:
    marks = (mark(label) for label, fit in zip(labels, fits, strict=True) if fit)
    return replace(row, marks=(*row.marks, *marks))


def write_records(
    name: str,
    *,
    branch: str,
    modalities: str | tuple[str, ...],
    space: str = "text",
    version: int = 1,
) -> Stage:
    """Makes a stage that makes the records of an asset's branch those of its vectors, and no others.

    `space` is "text" or "image", or a name of your own where your own model made the vectors.
    """
    written = (modalities,) if isinstance(modalities, str) else modalities

    def work(todo: Todo, context: TaskContext) -> None:
        """Writes the records of the branch, and no others."""
        write_branch(todo, context.dag[todo[0][1].stage], context)  # the stage may have been given another name

    facts: dict[str, Any] = {"modalities": written, "space": space, "takes": "vectors"}
    return _waiting(name, work, branch, version, facts)


def rows_as_json(name: str) -> Callable[[Path], dict[str, Any]]:
    """Makes an `export` fact: the rows of an artifact under `name` in the JSON of `--export`."""
    return lambda directory: {name: [_plain(row) for row in json.loads((directory / ROWS).read_text())]}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty; times in seconds."""
    seconds = {f"{edge}_s": row[f"{edge}_ms"] / 1000 for edge in ("start", "end") if row[f"{edge}_ms"] is not None}
    kept = ("modality", "text", "page", "box")
    return {**seconds, **{name: row[name] for name in kept if row[name] is not None}}


def _embedding(name: str, work: Work, model: Kind, branch: str, takes: str, version: int) -> Stage:
    return _waiting(name, work, branch, version, {"takes": takes or (), "makes": "vectors", "model": model})


def _waiting(name: str, work: Work, branch: str, version: int, facts: dict[str, Any]) -> Stage:
    """A stage that waits for a model or the store."""
    return Stage(name=name, work=work, branch=branch, version=version, num_cpus=0.1, whole_batch=True, **facts)


def _encoded(items: Sequence[Any], method: str, pool: Callable[[], Pool]) -> Vectors:
    """Vectors of shape (len(items), dim). Where there are no items no model is asked; none once the run is to end."""
    if not items:
        return np.empty((0, 0), np.float32)
    model, starts = pool(), range(0, len(items), _BATCH)

    def encoded(at: int) -> Vectors:
        raise_if_stopped()
        return np.asarray(model.call(method, items[at : at + _BATCH]))

    if len(starts) == 1 or model.ahead == 1:
        return np.concatenate([encoded(at) for at in starts])
    with ThreadPoolExecutor(model.ahead) as asking:  # the next batch is prepared while the model is at the one before
        asked = [asking.submit(copy_context().run, encoded, at) for at in starts]  # what is logged is the task's
        try:
            return np.concatenate([each.result() for each in asked])
        finally:
            asking.shutdown(cancel_futures=True)


def _save(todo: Todo, found: Sequence[list[Row]], vectors: Vectors) -> None:
    at = 0
    for (_, draft), rows in zip(todo, found, strict=True):
        save_vectors(draft.directory, rows, vectors[at : at + len(rows)])
        at += len(rows)
