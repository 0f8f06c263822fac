"""The words below or above a figure that name it, as in "Figure 3: ships in the harbour"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from medley.media.layout import Block, Box

_BEGIN = re.compile(
    r"(fig(ure|\.|ura)?|abb(ildung|\.)|bild|image|photo|plate|chart|diagram|scheme|map|exhibit|table|tab\.|tabelle|tableau"
    r"|tabla|figuur|afbeelding|rysunek|rys\.|рис(унок|\.)|obr(ázek|\.)|图|圖|図|그림)\s*[A-Z]?\.?\s*(\d+|[IVX]+\b)",
    re.IGNORECASE,
)
_NEAR_PT = 60.0
_INTO_PT = 6.0  # a caption may begin in the margin of its figure
_LONGEST = 600


def caption_of(box: Box, blocks: Sequence[Block]) -> str:
    """Returns the caption of a figure among the text of its page; "" where there is none."""
    near = [(distance, Block(block.lines[n:]).text) for block in blocks for n, distance in _begins(box, block)]
    return min(near, default=(0.0, ""))[1][:_LONGEST]


def _begins(box: Box, block: Block) -> list[tuple[int, float]]:
    """Where in a block a caption begins that is near enough, and how near; one below goes before one above."""
    found: list[tuple[int, float]] = []
    for n, line in enumerate(block.lines):
        beside = min(line.box[2], box[2]) > max(line.box[0], box[0])
        below, above = line.box[1] - box[3], box[1] - block.box[3]
        if beside and _BEGIN.match(line.text):
            found += [(n, below)] if -_INTO_PT <= below <= _NEAR_PT else []
            found += [(n, above + _NEAR_PT)] if -_INTO_PT <= above <= _NEAR_PT else []
    return found
