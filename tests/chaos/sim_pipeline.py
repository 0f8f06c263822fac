"""The pipeline of the simulation: two branches over small texts, one of whole batches; nothing real is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from medley.pipelines import (
    ROWS,
    ArtifactRef,
    Asset,
    CorruptMedia,
    Draft,
    FileOptions,
    Row,
    TaskContext,
    embed_texts,
    pipeline,
    save_rows,
    stage,
    write_records,
)

MEDIA_TYPE = "text/x-simulated"
_WORDS = "words.txt"


def sniffed(head: bytes, name: str) -> str | None:
    """The media type of simulated files, by their first bytes."""
    return MEDIA_TYPE if head.startswith(b"simulated ") else None


class SimOptions(FileOptions):
    """How many words of a file count, and whether their letters do."""

    most: int = Field(9, ge=1, description="words of a file that count")
    letters: bool = Field(True, description="whether there is the branch of letters")


def texts_of(content: str, options: SimOptions = SimOptions()) -> dict[str, list[str]]:  # noqa: B008  # it is frozen
    """What the index has to hold of a file, by modality; nothing of a bad one."""
    words = content.split()[1:]
    if "bad" in words:
        return {}
    letters = {"letter": sorted({word[0] for word in words})} if options.letters else {}
    return {"word": words[: options.most], **letters}


@stage(branch="words", takes="assets", makes="words")
def read_words(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Reads the words of a file."""
    words = texts_of(Path(asset.path).read_text())
    if not words:
        raise CorruptMedia("has a bad word", file=asset.path)
    (draft.directory / _WORDS).write_text("\n".join(words["word"]))


@stage(branch="words", takes="words", makes="rows", reads=lambda options: options.most)
def name_words(read: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Makes a row of each word."""
    words = Path(read.directory, _WORDS).read_text().splitlines()[: context.options.most]
    save_rows(draft.directory / ROWS, [Row("word", word, start_ms=n) for n, word in enumerate(words)])


@stage(branch="letters", takes="assets", makes="rows")
def name_letters(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Makes a row of each letter that a word begins with."""
    letters = texts_of(Path(asset.path).read_text()).get("letter")
    if not letters:
        raise CorruptMedia("has a bad word", file=asset.path)
    save_rows(draft.directory / ROWS, [Row("letter", letter, start_ms=n) for n, letter in enumerate(letters)])


embed_words = embed_texts("embed_words", branch="words", takes="rows")
write_words = write_records("write_words", branch="words", modalities="word")
embed_letters = embed_texts("embed_letters", branch="letters", takes="rows")
write_letters = write_records("write_letters", branch="letters", modalities="letter")


@pipeline(options=SimOptions, media=(MEDIA_TYPE,), sniff=sniffed, batch=2)
def simulated(assets: Any, options: SimOptions) -> None:
    """Words and letters of texts."""
    write_words(embed_words(name_words(read_words(assets))))
    if options.letters:
        write_letters(embed_letters(name_letters(assets)))
