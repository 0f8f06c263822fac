"""Names of languages: players and containers have three letters, models two (ISO 639)."""

from __future__ import annotations

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
