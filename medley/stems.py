"""Words by their stems, each in its language, so that ships are found by ship, and Häuser by Haus (Snowball, BSD)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from medley.words import SILENT, folded, words_as_written

#: Algorithm of a language, by its two letters.
_ALGORITHMS = {
    **{"ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english"},
    **{"es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish", "fr": "french"},
    **{"ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian"},
    **{"lt": "lithuanian", "ne": "nepali", "nl": "dutch", "nb": "norwegian", "nn": "norwegian", "no": "norwegian"},
    **{"pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish"},
    **{"ta": "tamil", "tr": "turkish"},
}
_LANGUAGE = "language:"
_TAG = "7"  # between language and stem: one word for every analyzer, and none that anybody writes
_LONGEST = 64  # letters: what is longer is no word
_turn = threading.Lock()  # a stemmer keeps its word in itself


def language_in(marks: Sequence[str]) -> str:
    """Returns the language that a record is marked with, two letters; "" where there is none."""
    return next((mark.removeprefix(_LANGUAGE) for mark in marks if mark.startswith(_LANGUAGE)), "")


@lru_cache(200_000)
def stem(word: str, language: str) -> str:
    """Returns the stem of a word as it is written, without case and accents; "" in a language without stemmer."""
    algorithm = _ALGORITHMS.get(language)
    if algorithm is None or len(word) > _LONGEST:
        return ""
    with _turn:
        return folded(_stemmer(algorithm).stemWord(word))


@lru_cache
def _stemmer(algorithm: str) -> Any:
    import snowballstemmer  # thirty modules

    return snowballstemmer.stemmer(algorithm)


def stems_in(text: str, language: str) -> list[str]:
    """Lists the stems of a text's words, as a store keeps them beside the words; none in a language without stemmer."""
    if language not in _ALGORITHMS:
        return []
    return [f"{language}{_TAG}{stem(word, language)}" for word in _telling(text)]


def stems_asked(query: str) -> list[str]:
    """Lists the stems of a query's words in every language: it is not known in which one it is asked."""
    found = (f"{language}{_TAG}{stem(word, language)}" for word in _telling(query) for language in _ALGORITHMS)
    return list(dict.fromkeys(found))


def _telling(text: str) -> list[str]:
    return [word for word in words_as_written(text) if word not in SILENT]
