"""The branches of documents that are no PDFs: what is written, and pictures in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from medley.artifacts import Draft
from medley.dag.parts import embed_pictures, embed_texts, label_pictures, write_records
from medley.dag.stage import stage
from medley.languages import with_languages
from medley.media import documents
from medley.media.attachments import are_known
from medley.media.documents import Part, RawPicture, find_pictures, read_parts
from medley.media.pictures import convert_files
from medley.passages import texts_for
from medley.records import load_rows, save_rows
from medley.run import TaskContext
from medley.types import ArtifactRef, Asset, Row
from tasks.pages import PASSAGES, passage_rows

_PICTURES = "pictures.json"
_UNDER = " › "
_MOST_PICTURES, _AT_ONCE = 1000, 32  # of a document; in a child process


def exported(made: Path) -> dict[str, Any]:
    """Exports pages as those of PDFs are, with headings and cells; what has no pages is page 1."""
    pages = groupby(read_parts(made), key=lambda part: part.page)
    return {"pages": [_page(number, list(parts)) for number, parts in pages]}


def _page(number: int | None, parts: Sequence[Part]) -> dict[str, Any]:
    blocks = [{"text": part.text, "box": None, **_more(part)} for part in parts]
    return {"page": number or 1, "text": "\n\n".join(part.text for part in parts), "source": "text", "blocks": blocks}


def _more(part: Part) -> dict[str, Any]:
    more = {"level": part.level, "headings": list(part.headings), "cells": [list(row) for row in part.cells]}
    return {name: value for name, value in more.items() if value}


@stage(
    version=2,  # headers, comments, charts
    branch="text",
    takes="assets",
    makes="document",
    export=exported,
    files=("*.csv",),
    current=are_known,
)
def read_document(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Reads what is written in a document, under which headings, and its tables."""
    found = documents.read_document(asset, draft.directory, context.limits)
    draft.data |= {"parts": found.parts, "damage": found.damage, "notes": list(found.notes), "about": found.about}
    draft.data["attached"] = list(found.attached)


@stage(
    version=2,
    branch="text",
    reads=lambda o: o.passages.model_dump(),
    model="text",
    takes="document",
    makes="passages",
    num_cpus=0.1,
)
def chunk_document(read: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Makes passages of what stands under one heading, each with its headings; tables by their rows."""
    rows: list[Row] = []
    parts = read_parts(Path(read.directory))
    for (page, headings), under in groupby(_told(parts), key=lambda part: (part.page, part.headings)):
        texts = [part.text for part in under]
        for text in texts_for(context.models.text, texts, _UNDER.join(headings), context.options.passages):
            rows.append(Row("page", text, page=page, part=len(rows) + 1))
    save_rows(draft.directory / PASSAGES, with_languages(rows))


def _told(parts: Sequence[Part]) -> Iterator[Part]:
    """Without headings that have text below them: they are in its passages."""
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        path = (*part.headings, part.text)
        if not part.level or following is None or following.headings[: len(path)] != path:
            yield part


embed_document = embed_texts("embed_document", branch="text", rows=passage_rows, takes="passages")
write_document = write_records("write_document", branch="text", modalities="page")


@stage(branch="pictures", reads=lambda o: o.figures.model_dump(), takes="assets", makes="pictures")
def document_pictures(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Makes JPEGs of the pictures in a document."""
    figures, rows = context.options.figures, list[Row]()
    found = find_pictures(asset, draft.directory, context.limits)
    wanted = list(_some(found, figures.per_page))[:_MOST_PICTURES]
    targets = [(draft.directory / one.name, draft.directory / f"{one.name}.jpg") for one in wanted]
    for start in range(0, len(targets), _AT_ONCE):
        made = convert_files(targets[start : start + _AT_ONCE], figures.max_side_px, context.limits)
        for picture, became in zip(wanted[start:], made, strict=False):
            if became.error is None:
                thumbnail, part = f"{picture.name}.jpg", len(rows) + 1
                rows.append(Row("image", "", page=picture.page, box=picture.box, thumbnail=thumbnail, part=part))
    for picture in found:
        (draft.directory / picture.name).unlink()
    save_rows(draft.directory / _PICTURES, rows)
    left, more = len(wanted) - len(rows), len(found) - len(wanted)
    notes = [f"{left} picture{'s' * (left > 1)} in it cannot be read"] if left else []
    draft.data["notes"] = notes + ([f"{more} more pictures in it are not looked at"] if more else [])


def _some(found: Sequence[RawPicture], per_page: int) -> Iterator[RawPicture]:
    """The first pictures of each page; all of documents without pages."""
    count = Counter[int | None]()
    for picture in found:
        count[picture.page] += 1
        if picture.page is None or count[picture.page] <= per_page:
            yield picture


def _pictures(directory: Path) -> list[tuple[Row, str]]:
    return [(row, row.thumbnail) for row in load_rows(directory / _PICTURES)]


embed_document_pictures = embed_pictures("embed_pictures", branch="pictures", rows=_pictures, takes="pictures")
label_document_pictures = label_pictures("label_pictures", branch="pictures")
write_document_pictures = write_records("write_pictures", branch="pictures", modalities="image", space="image")
