"""The branches of documents that are no PDFs: what is written, and pictures in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from medley.artifacts import Draft
from medley.dag.parts import embed_pictures, embed_texts, write_records
from medley.dag.stage import stage
from medley.errors import BadInput
from medley.media import documents
from medley.media.documents import Part, find_pictures, read_parts
from medley.media.pictures import convert_picture
from medley.passages import texts_for
from medley.records import load_rows, save_rows
from medley.run import TaskContext
from medley.types import ArtifactRef, Asset, Row
from tasks.pages import PASSAGES, passage_rows

_PICTURES = "pictures.json"
_UNDER = " › "


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


@stage(branch="text", takes="assets", makes="document", export=exported, files=("*.csv",))
def read_document(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Reads what is written in a document, under which headings, and its tables."""
    found = documents.read_document(asset, draft.directory, context.limits)
    draft.data |= {"parts": found.parts, "damage": found.damage, "notes": list(found.notes), "about": found.about}


@stage(
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
    save_rows(draft.directory / PASSAGES, rows)


def _told(parts: Sequence[Part]) -> Iterator[Part]:
    """Without headings that have text below them: they are in its passages."""
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        if (
            not part.level
            or following is None
            or following.headings[: len(part.headings) + 1] != (*part.headings, part.text)
        ):
            yield part


embed_document = embed_texts("embed_document", branch="text", rows=passage_rows, takes="passages")
write_document = write_records("write_document", branch="text", modalities="page")


@stage(branch="pictures", reads=lambda o: o.figures.model_dump(), takes="assets", makes="pictures")
def document_pictures(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Makes JPEGs of the pictures in a document."""
    figures, rows, unread = context.options.figures, list[Row](), 0
    count: dict[int | None, int] = {}
    for picture in find_pictures(asset, draft.directory, context.limits):
        raw, name = draft.directory / picture.name, f"{picture.name}.jpg"
        count[picture.page] = count.get(picture.page, 0) + 1
        if count[picture.page] <= figures.per_page or picture.page is None:
            try:
                convert_picture(raw, draft.directory / name, figures.max_side_px, context.limits)
                rows.append(Row("image", "", page=picture.page, box=picture.box, thumbnail=name, part=len(rows) + 1))
            except BadInput:  # vector graphics of Windows, and the like
                unread += 1
        raw.unlink()
    save_rows(draft.directory / _PICTURES, rows)
    draft.data["notes"] = [f"{unread} pictures in it cannot be read"] if unread else []


def _pictures(directory: Path) -> list[tuple[Row, str]]:
    return [(row, row.thumbnail) for row in load_rows(directory / _PICTURES)]


embed_document_pictures = embed_pictures("embed_pictures", branch="pictures", rows=_pictures, takes="pictures")
write_document_pictures = write_records("write_pictures", branch="pictures", modalities="image", space="image")
