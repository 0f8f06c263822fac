"""The branch of what a vision-language model says about pictures and figures: captions, vectors, records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from prefect.client.schemas.objects import State

from actors.pool import caption_pool
from medley.errors import BadInput
from medley.records import load_rows, save_rows, write_branch
from medley.run import TaskContext
from medley.types import AssetBatch, Flow, Row
from tasks._embed import Todo, embed_texts
from tasks._stage import run_batch, stage_task
from tasks.figures import figure_rows
from tasks.images import picture_rows

_CAPTIONS = "captions.json"
_PICTURES: dict[Flow, Callable[[Path], list[tuple[Row, str]]]] = {"pdf": figure_rows, "image": picture_rows}


@stage_task(num_cpus=0.1, of="pictures")
def caption(pictures: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """A sentence or two about each picture."""
    return run_batch("caption", pictures, run, lambda todo: _describe(todo, run))


@stage_task(num_cpus=0.1, of="captions")
def embed_captions(captions: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """A vector for each caption."""
    return run_batch("embed_captions", captions, run, lambda todo: embed_texts(todo, _rows, run))


@stage_task(num_cpus=0.1, of="vectors")
def write_captions(vectors: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """The caption records of each asset, and no others."""
    return run_batch("write_captions", vectors, run, lambda todo: write_branch(todo, "captions", run.models.text, run))


def _describe(todo: Todo, run: TaskContext) -> None:
    shown = [_PICTURES[run.flow](Path(source.directory)) for source, _ in todo]
    paths = [Path(source.directory, name) for (source, _), rows in zip(todo, shown, strict=True) for _, name in rows]
    options = run.captions
    said = iter(caption_pool(run).call("describe", paths, options.prompt, options.max_tokens) if paths else ())
    for (source, draft), rows in zip(todo, shown, strict=True):
        within = Path(source.directory).relative_to(run.artifacts)
        captions: list[Row] = []
        for (row, name), words in zip(rows, said, strict=False):
            if isinstance(words, BadInput):
                draft.error = draft.error or words
            elif words:
                captions.append(replace(row, modality="caption", text=words, thumbnail=str(within / name)))
        save_rows(draft.directory / _CAPTIONS, captions)


def _rows(directory: Path) -> list[Row]:
    return load_rows(directory / _CAPTIONS)
