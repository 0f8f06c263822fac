"""From paragraphs of a page to passages: what one search hit shows, sized in tokens of the embedding model."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

from semchunk.semchunk import chunk

from medley.media.layout import Block, Box, Line, after, reading_order, union
from medley.models.base import ModelSpec
from medley.models.tokens import most_tokens, token_counter
from medley.options import PassageOptions

Counter = Callable[[str], int]
_BETWEEN = "\n\n"  # semchunk parts at the widest white space first


@dataclass(frozen=True, slots=True)
class Passage:
    """Words on a page, and the box around them: points from the top left."""

    text: str
    box: Box


def passages(blocks: Sequence[Block], tokens: Counter, max_tokens: int, overlap: float) -> list[Passage]:
    """Parts of the text of one page, at ends of paragraphs, sentences or clauses where that is possible.

    `overlap` is the part of a passage that the next one repeats. Boxes are different ones for different passages.
    """
    found: dict[Box, Passage] = {}
    for column in _downward(blocks):
        text, spans = _joined(column)
        parted: Any = chunk(text, max_tokens, tokens, memoize=False, offsets=True, overlap=overlap or None)
        for part, (begin, end) in zip(*parted, strict=True):
            box = _box([span for span in spans if span[0] < end and span[1] > begin], begin, end, found)
            found[box] = Passage(" ".join(part.split()), box)
    return list(found.values())


def passages_for(model: ModelSpec, blocks: Sequence[Block], options: PassageOptions) -> list[Passage]:
    """Splits the text of one page into passages as `passages` does, sized for a text model. Raises ModelUnavailable."""
    most = min(options.max_tokens, most_tokens(model))
    return passages(blocks, token_counter(model), most, options.overlap)


def passages_together(model: ModelSpec, lines: Sequence[Line], options: PassageOptions) -> list[Passage]:
    """Makes one passage of lines that are seen together, or several as `passages_for` does where they are too long.

    `lines` are in reading order. Raises ModelUnavailable.
    """
    text = " ".join(line.text for line in lines)
    if token_counter(model)(text) <= min(options.max_tokens, most_tokens(model)):
        return [Passage(text, union([line.box for line in lines]))]
    return passages_for(model, reading_order(lines), options)


def texts_for(model: ModelSpec, texts: Sequence[str], heading: str, options: PassageOptions) -> list[str]:
    """Makes passages of texts that follow each other under `heading`, which each of them begins with.

    Raises ModelUnavailable.
    """
    tokens = token_counter(model)
    begin = f"{heading}: " if heading and tokens(heading) * 2 < options.max_tokens else ""
    most = min(options.max_tokens, most_tokens(model)) - (tokens(begin) if begin else 0)
    overlap = options.overlap or None
    parted: Any = chunk(_BETWEEN.join(texts), most, tokens, memoize=False, overlap=overlap)
    return [begin + " ".join(part.split()) for part in parted if part.strip()]


def _downward(blocks: Sequence[Block]) -> list[list[Block]]:
    """Parts of the reading that go down the page: no passage has half of its words in another column."""
    found: list[list[Block]] = []
    for block in blocks:
        if found and block.box[1] >= found[-1][-1].box[1]:
            found[-1].append(block)
        else:
            found.append([block])
    return found


#: Where a line begins and ends in the text of the page.
_Span = tuple[int, int, Line]


def _joined(blocks: Sequence[Block]) -> tuple[str, list[_Span]]:
    text = ""
    spans: list[_Span] = []
    for block in blocks:
        for n, line in enumerate(block.lines):
            spans.append((len(text), len(text) + len(line.text), line))
            last = n + 1 == len(block.lines)
            text += line.text + (_BETWEEN if last else after(line))
    return text.rstrip(), spans


def _box(spans: Sequence[_Span], begin: int, end: int, taken: Container[Box]) -> Box:
    """Around the lines; of one line only its part. Of two passages in the same lines the second lets the first line go.

    A record is known by its box: two passages never have the same.
    """
    for at in range(len(spans) - 1):
        box = union([line.box for _, _, line in spans[at:]])
        if box not in taken:
            return box
    first, last, line = spans[-1]
    x0, y0, x1, y1 = line.box
    per_letter = (x1 - x0) / max(1, last - first)
    return (
        round(x0 + per_letter * max(0, begin - first), 2),
        y0,
        round(x1 - per_letter * max(0, last - end), 2),
        y1,
    )
