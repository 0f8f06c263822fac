"""Where a talk changes its topic: by the vectors of what is said, in the manner of TextTiling (Hearst, 1997)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medley.models.base import Vectors
from medley.search.scores import words_of
from medley.types import Row

_LEAST_S = 60.0  #: of a topic
_WIDE_S = 90.0  #: of what is compared before and after a place
_DEEP = 0.5  #: deviations above the mean from which on a valley parts topics
_LEAST_DEPTH = 0.08
_TITLE_WORDS, _FIRST_WORDS = 3, 24


@dataclass(frozen=True, slots=True)
class Topic:
    """What is talked about from `first` to before `end`, numbers of passages."""

    first: int
    end: int


def topics_of(rows: Sequence[Row], vectors: Vectors) -> list[Topic]:
    """Parts passages that follow each other in time into topics; one where there is no change.

    `vectors`: unit vectors of shape (len(rows), dim).
    """
    edges = _edges(rows, vectors)
    return [Topic(first, end) for first, end in zip([0, *edges], [*edges, len(rows)], strict=True)] if rows else []


def _edges(rows: Sequence[Row], vectors: Vectors) -> list[int]:
    """Where topics begin, deepest valleys of likeness first, none near another one or near the ends."""
    depths = _depths(_likeness(rows, vectors))
    if not depths.size:
        return []
    border = max(_LEAST_DEPTH, float(depths.mean() + _DEEP * depths.std()))
    found: list[int] = []
    for gap in np.argsort(-depths, kind="stable"):
        at = int(gap) + 1
        if depths[gap] < border:
            break
        near = (_begin_s(rows, edge) for edge in found)
        ends = (_begin_s(rows, 0), (rows[-1].end_ms or 0) / 1000)
        if all(abs(_begin_s(rows, at) - other) >= _LEAST_S for other in (*near, *ends)):
            found.append(at)
    return sorted(found)


def _likeness(rows: Sequence[Row], vectors: Vectors) -> Vectors:
    """Cosine of what is said before and after each place between two passages, shape (len(rows) - 1,)."""
    found = []
    for at in range(1, len(rows)):
        before, after = at, at
        while before > 0 and _begin_s(rows, at) - _begin_s(rows, before - 1) <= _WIDE_S:
            before -= 1
        while after < len(rows) and _begin_s(rows, after) - _begin_s(rows, at) <= _WIDE_S:
            after += 1
        one, other = vectors[min(before, at - 1) : at].mean(0), vectors[at : max(after, at + 1)].mean(0)
        found.append(float(one @ other) / max(1e-9, float(np.linalg.norm(one) * np.linalg.norm(other))))
    return np.asarray(found, np.float32)


def _depths(likeness: Vectors) -> Vectors:
    """How deep a valley is at each place: below the nearest peaks on both sides."""
    depths = np.zeros_like(likeness)
    for at, here in enumerate(likeness):
        left = right = here
        for value in likeness[at::-1]:
            if value < left:
                break
            left = value
        for value in likeness[at:]:
            if value < right:
                break
            right = value
        depths[at] = left + right - 2 * here
    return depths


def _begin_s(rows: Sequence[Row], at: int) -> float:
    return (rows[at].start_ms or 0) / 1000


def titles_of(rows: Sequence[Row], topics: Sequence[Topic]) -> list[str]:
    """Names topics by the words that are theirs and not the others', and by how they begin."""
    counts = [Counter(word for row in rows[one.first : one.end] for word in words_of(row.text)) for one in topics]
    spread = Counter(word for count in counts for word in count)
    titles = []
    for topic, count in zip(topics, counts, strict=True):
        weight = {word: n * math.log(1 + len(topics) / spread[word]) for word, n in count.items() if len(word) > 3}
        best = sorted(weight, key=lambda word: (-weight[word], word))[:_TITLE_WORDS]
        begins = " ".join(rows[topic.first].text.split()[:_FIRST_WORDS])
        titles.append(f"{', '.join(best)}: {begins}" if best else begins)
    return titles
