"""What a cosine or shared words are worth: scores from 0 to 1 that compare between models, spaces and queries.

0.5 is the border: what reaches less fits about as well as moments fit queries that nothing fits.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from medley.stems import stem
from medley.words import folded, words_as_written, words_in

#: Logit of 0.95, the score at `Floor.good`.
_SURE = math.log(19)
_LEAST = 0.005  #: width of a floor at least: of identical cosines nothing can be told
#: Deviations of the best answers to unrelated queries, above their median, where the border is and where all is well.
_BORDER, _GOOD = 2.3, 5.3
#: Words that say nothing about what is looked for.
STOP_WORDS = frozenset(
    (
        *("a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "of", "on", "or", "that"),
        *("the", "this", "to", "was", "we", "were", "with", "what", "where", "when", "who", "how", "do", "does", "did"),
        *("i", "you", "me", "my", "show", "find", "about", "there"),
    )
)
_ALL_WORDS, _NEAR, _PHRASE, _SHARE = 0.5, 0.3, 0.1, 0.08
_WIDE = 2  #: words between those of the query that leave them near each other
_SOME_WORDS = 0.45
_NOTHING_ELSE = 0.14  #: a text that says nothing but the query is surer by that much


@dataclass(frozen=True, slots=True)
class Floor:
    """The cosine at the border, where the score is 0.5, and the one where it is 0.95."""

    border: float
    good: float

    def score(self, cosine: float) -> float:
        """Returns the score of a cosine, 0..1."""
        steepness = _SURE / max(_LEAST, self.good - self.border)
        return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, steepness * (cosine - self.border)))))


def floor_from(background: Sequence[float]) -> Floor:
    """Derives the floor from the best cosines that unrelated queries reach; robust against some that do fit."""
    middle = float(np.median(background))
    deviation = max(_LEAST, 1.4826 * float(np.median(np.abs(np.asarray(background) - middle))))
    return Floor(middle + _BORDER * deviation, middle + _GOOD * deviation)


_PASSAGES = Floor(0.38, 0.68)  # longer than what is said in a breath: further from any query, fitting or not
#: Of the models of our profiles that can be had here, by modality: `floor_from` of hundreds of records, rounded up.
KNOWN: dict[str, dict[str, Floor]] = {
    "sentence-transformers/all-MiniLM-L6-v2": {"": Floor(0.43, 0.74), "page": _PASSAGES, "ocr": _PASSAGES},
    "demo/clip": {"": Floor(0.67, 0.79)},
}


@lru_cache(512)  # each text of an answer is asked for several times
def words_of(text: str) -> tuple[str, ...]:
    """Lists the words of a text in order as `words_in` does, singular, without those that say nothing.

    A text that has only such words keeps them.
    """
    return tuple(map(_singular, _telling(words_in(text))))


def _telling(words: list[str]) -> list[str]:
    return [word for word in words if word not in STOP_WORDS] or words


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


@lru_cache(512)
def _stems_of(text: str, language: str) -> tuple[str, ...]:
    """Stems of the words that tell something, in order."""
    words = words_as_written(text)
    telling = [word for word in words if folded(word) not in STOP_WORDS] or words
    return tuple(stem(word, language) for word in telling)


class Wanted:
    """The words of a query, and how much each of them tells among the texts that were found, each with its language.

    A word is found where it is written, and in a text whose language is known where its stem is.
    """

    def __init__(self, query: str, texts: Iterable[tuple[str, str]]) -> None:
        self._asked, self._query = query, words_of(query)
        known = [set(self._words(*text)) for text in texts]
        in_texts = Counter(word for text in known for word in text)
        self._weight = {
            word: math.log(1 + (len(known) + 1) / (in_texts[word] + 0.5)) for word in dict.fromkeys(self._query)
        }

    def _words(self, text: str, language: str) -> tuple[str, ...]:
        """The words of a text, those of the query as the query has them."""
        plain = words_of(text)
        if not language:
            return plain
        asked, stems = _stems_of(self._asked, language), _stems_of(text, language)
        if len(stems) != len(plain) or len(asked) != len(self._query) or not all(asked):
            return plain  # scripts without spaces, and languages without stemmer
        same = dict(zip(asked, self._query, strict=True))
        return tuple(same.get(one, word) for one, word in zip(stems, plain, strict=True))

    def cover(self, words: Collection[str]) -> float:
        """Returns the share of the query that is among `words`, 0..1, rare words weighing more."""
        total = sum(self._weight.values())
        return sum(weight for word, weight in self._weight.items() if word in words) / total if total else 0.0

    def by_words(self, text: str, language: str = "") -> float:
        """Returns the score of a text by its words alone: high only where the query's are all there."""
        words = self._words(text, language)
        covered = self.cover(set(words))
        if covered < 0.999:
            return _SOME_WORDS * covered * covered
        return (
            _ALL_WORDS + _NEAR * self._are_near(words) + _PHRASE * self._is_phrase(words) + _SHARE * self._part(words)
        )

    def share(self, text: str, language: str = "") -> float:
        """Returns the share of a text's words that are the query's, 0..1."""
        return self._part(self._words(text, language))

    def _part(self, words: Sequence[str]) -> float:
        return sum(word in self._weight for word in words) / len(words) if words else 0.0

    def _are_near(self, words: Sequence[str]) -> bool:
        """Whether all words of the query stand close together somewhere."""
        width = len(self._query) + _WIDE
        spans = (set(words[at : at + width]) for at in range(max(1, len(words) - width + 1)))
        return any(self._weight.keys() <= span for span in spans)

    def _is_phrase(self, words: Sequence[str]) -> bool:
        width = len(self._query)
        return any(tuple(words[at : at + width]) == self._query for at in range(len(words) - width + 1))


def text_score(meaning: float, wanted: Wanted, text: str, language: str = "") -> float:
    """Joins what meaning and words say of a text; both together are surer than each of them."""
    words = wanted.by_words(text, language)
    joined = 1.0 - (1.0 - max(meaning, words)) * (1.0 - 0.5 * min(meaning, words))
    return joined * (1.0 - _NOTHING_ELSE * (1.0 - wanted.share(text, language)))
