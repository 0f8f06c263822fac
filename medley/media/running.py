"""Headers, footers and page numbers: lines that come again in the margin of page after page.

They are told by their text and place alone, as readers do: the same words at the same height of three pages or more
that follow each other (or every other page); of pages' numbers the words around them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from medley.media.layout import Block, Box, Line

_MARGIN = 0.12  # of the page's height, above and below
_ALIKE_PT = 4.0
_LEAST, _APART = 3, 2  # pages on which it is, and from one to the next: books have other headers on the left
_NUMBER, _WORD, _DIGITS = re.compile(r"\d+"), re.compile(r"[^\W\d_]"), 10
_PAGE = re.compile(
    r"\b(page|pages|pg|p|seite|s|p[aá]gina|p[aá]g|pagina|blz|sida|side|sivu|strana|strona|str|oldal|стр)\b|[页頁]|ページ|쪽",
    re.IGNORECASE,
)


class Page(Protocol):
    """What is looked at of a page."""

    @property
    def number(self) -> int: ...  # noqa: D102

    @property
    def height_pt(self) -> float: ...  # noqa: D102

    @property
    def blocks(self) -> tuple[Block, ...]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Running:
    """A line of a page that comes again. `first`: here it is for the first time; `role`: header or footer."""

    role: str
    first: bool


@dataclass(frozen=True, slots=True)
class _Place:
    page: int
    line: Line


def running_lines(pages: Iterable[Page]) -> dict[tuple[int, Box], Running]:
    """Finds the running lines of a document, by page number and box."""
    groups: defaultdict[tuple[str, int, str], list[_Place]] = defaultdict(list)
    for page in pages:
        for line in (line for block in page.blocks for line in block.lines):
            if role := _margin(line, page.height_pt):
                edge = line.box[1] if role == "header" else page.height_pt - line.box[3]
                groups[role, round(edge / _ALIKE_PT), _NUMBER.sub("#", line.text)].append(_Place(page.number, line))
    found: dict[tuple[int, Box], Running] = {}
    for (role, _, words), places in groups.items():
        for series in _series(sorted(places, key=lambda place: place.page)):
            for n, place in enumerate(series):
                first = n == 0 and any(letter.isalpha() for letter in words)
                found[place.page, place.line.box] = Running(role, first)
    return found


def role_of(block: Block, page: int, running: dict[tuple[int, Box], Running]) -> str:
    """Returns what a block is that consists of running lines: header or footer; "" where it is text."""
    roles = {known.role if (known := running.get((page, line.box))) else "" for line in block.lines}
    return roles.pop() if len(roles) == 1 else ""


def without_running(
    blocks: Sequence[Block], page: int, running: dict[tuple[int, Box], Running]
) -> tuple[list[Block], list[Line]]:
    """Returns the blocks without running lines, and the running lines that are here for the first time."""
    body, first = list[Block](), list[Line]()
    for block in blocks:
        known = [running.get((page, line.box)) for line in block.lines]
        first += [line for line, one in zip(block.lines, known, strict=True) if one and one.first]
        if lines := tuple(line for line, one in zip(block.lines, known, strict=True) if one is None):
            body.append(Block(lines))
    return body, first


def _margin(line: Line, height_pt: float) -> str:
    middle = (line.box[1] + line.box[3]) / 2
    if middle < _MARGIN * height_pt:
        return "header"
    return "footer" if middle > (1 - _MARGIN) * height_pt else ""


def _series(places: list[_Place]) -> Iterator[list[_Place]]:
    """The parts of a group that follow each other and whose numbers stay, or count with the pages."""
    series: list[_Place] = []
    for place in places:
        if series and not (place.page - series[-1].page <= _APART and _goes_on(series[-1], place)):
            yield from [series] if _long(series) else []
            series = []
        series.append(place)
    yield from [series] if _long(series) else []


def _long(series: list[_Place]) -> bool:
    return len({place.page for place in series}) >= _LEAST


def _goes_on(one: _Place, other: _Place) -> bool:
    """Whether both say the same, or a page's number is as much higher as the pages are apart.

    "Invoice 1003" counts as well, and tells something: a page's number is called so, or stands alone.
    """
    step = other.page - one.page
    if step <= 0 or one.line.text == other.line.text:
        return step > 0
    if _WORD.search(one.line.text) and not _PAGE.search(one.line.text):
        return False
    numbers = zip(_NUMBER.findall(one.line.text), _NUMBER.findall(other.line.text), strict=True)
    return all(len(b) < _DIGITS and int(b) - int(a) in (0, step) for a, b in numbers)
