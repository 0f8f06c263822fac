"""Words of a text, the same for every store and for queries: whatever case, accents and script they are written in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_ACCENTS = re.compile("[\u0300-\u036f]")  # of Latin, Greek and Cyrillic letters; others would be another word without
#: Scripts that put no spaces between words, and Hangul, whose words have endings: every two neighbours are a word.
_DENSE = re.compile(
    "[\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_WORD = re.compile(r"\w+")
#: Words that say nothing about what is looked for; Lite's analyzer knows no list of its own.
SILENT = (
    *("a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "of", "on", "or", "that"),
    *("the", "this", "to", "was", "we", "with"),
)


def words_in(text: str) -> list[str]:
    """Lists the words of a text in their order, without case and accents.

    "Müßig" is mussig; "北京天气", which has no spaces, is 北京, 京天 and 天气.
    """
    return _WORD.findall(text.lower()) if text.isascii() else list(_words(folded(text)))  # the same, sooner


def words_as_written(text: str) -> list[str]:
    """Lists the words of a text in lower case with their accents, as stemmers know them."""
    return _WORD.findall(text.lower() if text.isascii() else unicodedata.normalize("NFC", text).lower())


def folded(text: str) -> str:
    """Folds case, accents, widths and ligatures, so that texts that people take for the same are the same."""
    if text.isascii():
        return text.lower()
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", plain.casefold())


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        at = 0
        for dense in _DENSE.finditer(word):
            if dense.start() > at:
                yield word[at : dense.start()]
            yield from _pairs(dense.group())
            at = dense.end()
        if at < len(word):
            yield word[at:]


def _pairs(dense: str) -> Iterator[str]:
    if len(dense) == 1:
        yield dense
    for at in range(len(dense) - 1):
        yield dense[at : at + 2]
