"""The branch of what a vision-language model says about pictures and figures: captions, vectors, records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medley.artifacts import Draft
from medley.dag.parts import embed_texts, write_records
from medley.dag.stage import batch_stage
from medley.errors import BadInput
from medley.options import CaptionOptions
from medley.records import load_rows, save_rows
from medley.run import TaskContext
from medley.types import ArtifactRef, Row
from tasks.images import picture_rows

_CAPTIONS = "captions.json"


@batch_stage(
    branch="captions",
    reads=lambda o: o.captions.model_dump(exclude={"model"}),
    model="caption",
    takes="pictures",
    makes="captions",
    num_cpus=0.1,
)
def caption(todo: Sequence[tuple[ArtifactRef, Draft]], context: TaskContext) -> None:
    """Writes a caption of a sentence or two about each picture."""
    shown = [picture_rows(Path(source.directory)) for source, _ in todo]
    paths = [Path(source.directory, name) for (source, _), rows in zip(todo, shown, strict=True) for _, name in rows]
    options: CaptionOptions = context.options.captions
    model = context.model("caption") if paths else None
    said = iter(model.call("describe", paths, options.prompt, options.max_tokens) if model else ())
    for (source, draft), rows in zip(todo, shown, strict=True):
        within = Path(source.directory).relative_to(context.artifacts)
        captions: list[Row] = []
        for (row, name), words in zip(rows, said, strict=False):
            if isinstance(words, BadInput):
                draft.error = draft.error or words
            elif words:
                captions.append(replace(row, modality="caption", text=words, thumbnail=str(within / name)))
        save_rows(draft.directory / _CAPTIONS, captions)


def _rows(directory: Path) -> list[Row]:
    return load_rows(directory / _CAPTIONS)


embed_captions = embed_texts("embed_captions", branch="captions", rows=_rows, takes="captions")
write_captions = write_records("write_captions", branch="captions", modalities="caption")
