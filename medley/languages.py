"""Names of languages (players and containers have three letters, models two: ISO 639), and which one a text is in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from medley.types import Row

_LEAST_LETTERS, _SURE = 12, 0.8  #: less says too little
_MOST_LETTERS = 20_000
_BETWEEN = "\n"
#: Two letters of those that have other ones in ISO 639-2, in both of its forms.
_SHORT = {
    **{"ara": "ar", "ben": "bn", "bul": "bg", "cat": "ca", "chi": "zh", "zho": "zh", "cze": "cs", "ces": "cs"},
    **{"dan": "da", "dut": "nl", "nld": "nl", "eng": "en", "est": "et", "fin": "fi", "fre": "fr", "fra": "fr"},
    **{"ger": "de", "deu": "de", "gre": "el", "ell": "el", "heb": "he", "hin": "hi", "hrv": "hr", "hun": "hu"},
    **{"ice": "is", "isl": "is", "ind": "id", "ita": "it", "jpn": "ja", "kor": "ko", "lav": "lv", "lit": "lt"},
    **{"may": "ms", "msa": "ms", "nor": "no", "nob": "nb", "nno": "nn", "per": "fa", "fas": "fa", "pol": "pl"},
    **{"por": "pt", "rum": "ro", "ron": "ro", "rus": "ru", "slo": "sk", "slk": "sk", "slv": "sl", "spa": "es"},
    **{"srp": "sr", "swe": "sv", "tam": "ta", "tel": "te", "tha": "th", "tur": "tr", "ukr": "uk", "urd": "ur"},
    **{"vie": "vi", "baq": "eu", "eus": "eu", "wel": "cy", "cym": "cy", "gle": "ga", "glg": "gl", "afr": "af"},
}
_UNKNOWN = ("", "und", "mul", "zxx", "mis")


def short(language: str) -> str:
    """Returns the two letters of a language ("en" of "eng" or "en-US"), else what it is called; "" where unknown."""
    plain = language.strip().lower().replace("_", "-").partition("-")[0]
    return "" if plain in _UNKNOWN else _SHORT.get(plain, plain)


def mark(language: str) -> str:
    """Marks a record with its language; "" where the language is unknown."""
    known = short(language)
    return f"language:{known}" if known.isalpha() and known.isascii() else ""


def with_languages(rows: Sequence[Row]) -> list[Row]:
    """Marks each row with the language that its text is written in, as far as that can be told.

    A text of few words has the language of all of them together.
    """
    if not rows:
        return []
    identify = _identifier()
    whole = identify(_BETWEEN.join(row.text for row in rows)[:_MOST_LETTERS])
    marks = (mark(identify(row.text[:_MOST_LETTERS]) or whole) for row in rows)
    return [replace(row, marks=(*row.marks, known)) if known else row for row, known in zip(rows, marks, strict=True)]


@lru_cache
def _identifier() -> Callable[[str], str]:
    """By frequencies of letters that follow each other (py3langid, BSD): 97 languages, a millisecond for a passage."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # its model takes half a second

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def identify(text: str) -> str:
        if sum(map(str.isalpha, text)) < _LEAST_LETTERS:
            return ""
        language, sure = model.classify(text)
        return str(language) if sure >= _SURE else ""

    return identify
