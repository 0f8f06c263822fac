"""What a file says of itself: title, artist, author, and the like; searched beside the names of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from medley.plain import printable

#: Pairs of name and value.
About = tuple[tuple[str, str], ...]

#: ffmpeg's generic tags, those of a PDF's information dictionary (ISO 32000-1, 14.3.3), and of pictures.
_NAMES = (
    *("title", "artist", "album", "album_artist", "date", "genre", "description", "comment", "show"),
    *("author", "subject", "keywords", "camera", "place"),
)
_LETTERS = 300


def about_from(found: Mapping[str, str]) -> About:
    """Takes what is worth showing of a file's tags: each on one line, its length bounded."""
    known = {name.lower(): _line(value) for name, value in found.items()}
    return tuple((name, known[name]) for name in _NAMES if known.get(name))


def _line(value: str) -> str:
    return printable(" ".join(value.split()))[:_LETTERS]


def to_text(about: About) -> str:
    """Writes one pair on each line: "title: The coast"."""
    return "\n".join(f"{name}: {value}" for name, value in about)


def from_text(text: str | None) -> dict[str, str]:
    """Reads what `to_text` wrote."""
    pairs = (line.partition(": ") for line in (text or "").splitlines())
    return {name: value for name, _, value in pairs if value}


def about_from_pairs(pairs: Iterable[Iterable[str]]) -> About:
    """Restores pairs that were kept as JSON's lists."""
    return tuple((name, value) for name, value in pairs)
