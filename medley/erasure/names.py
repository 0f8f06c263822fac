"""Names of files in other texts: in every way that ours or Prefect's writers write them."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Any
from urllib.parse import quote

from medley.plain import markdown_text, native_name, portable_name, printable

_BEFORE, _AFTER = r"(?<![\w.-])", r"(?!\w|\.\w)"
_NOTHING = "(?!)"
_SHORTEST = 3  # letters in a row that a search without the other ways of writing may go by


class Names:
    """The shortest ends of paths that no other known path has: `page.pdf`, or `b/page.pdf` beside `a/page.pdf`."""

    def __init__(self, paths: Iterable[str], others: Collection[str]) -> None:
        taken = {end for path in others for end in _ends(native_name(path))}
        self.ends = {end for path in paths if (end := _own_end(native_name(path), taken))}

    @cached_property
    def in_text(self) -> re.Pattern[str]:
        """Matches a name as a whole, not within a longer one."""
        return re.compile(_BEFORE + alternation({form for end in self.ends for form in written(end)}) + _AFTER)

    @cached_property
    def in_bytes(self) -> re.Pattern[bytes]:
        """The same in files."""
        forms = {form.encode("utf-8", "surrogateescape") for end in self.ends for form in (*written(end), *quoted(end))}
        whole = _BEFORE + alternation({form.decode("latin-1") for form in forms}) + _AFTER
        return re.compile(whole.encode("latin-1"))

    @cached_property
    def hint(self) -> re.Pattern[str] | None:
        """Matches a piece of each name that no way of writing changes; None where a name has none."""
        pieces = [max(re.findall(r"[A-Za-z0-9]+", end.rpartition("/")[2]) or [""], key=len) for end in self.ends]
        return re.compile(alternation(pieces)) if all(len(piece) >= _SHORTEST for piece in pieces) else None

    @cached_property
    def in_base64(self) -> re.Pattern[bytes]:
        """What base64 makes of each name, wherever within a text it begins, without the letters at its edges."""
        forms = {form.decode() for end in self.ends for known in written(end) for form in _base64(known)}
        return re.compile(alternation(forms).encode())


def _ends(path: str) -> list[str]:
    """`c`, `b/c`, `a/b/c` of `/a/b/c`, and the path itself."""
    parts = path.split("/")
    return ["/".join(parts[-n:]) for n in range(1, len(parts) + 1) if parts[-n]]


def _own_end(path: str, taken: Collection[str]) -> str:
    """A bare word is no name: `video` would be found in everything that Prefect says.

    Empty for a path as somebody typed it, `clip.mp4`, that may be another file's as well: the whole one is known too.
    """
    ends = [end for end in _ends(path) if end not in taken and ("." in end.rpartition("/")[2] or "/" in end)]
    return ends[0] if ends else path if path.startswith("/") or "://" in path else ""


def written(name: str) -> set[str]:
    """Returns the forms that a name takes in terminals, reports, Markdown, SVG and URLs."""
    shown = printable(name)
    forms = {name, portable_name(name), shown, " ".join(shown.split()), "/".join(map(markdown_text, name.split("/")))}
    forms |= {html.escape(form, quote=quote_) for form in (name, shown) for quote_ in (False, True)}
    return {form for form in forms | {quote(name, errors="surrogateescape")} if form}


def quoted(name: str) -> set[str]:
    """Returns the forms that a name takes within JSON, with and without letters other than ASCII's."""
    return {json.dumps(form, ensure_ascii=ascii_)[1:-1] for form in written(name) for ascii_ in (False, True)}


def _base64(text: str) -> set[bytes]:
    plain, found = text.encode("utf-8", "surrogateescape"), set()
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + plain)
        found.add(coded[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6])
    return found


def alternation(words: Collection[str]) -> str:
    """Builds a pattern for any of the words, the longest that fits; thousands of words are searched for at once."""
    tree: dict[str, Any] = {}
    for word in words:
        node = tree
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = {}
    return _pattern(tree) if words else _NOTHING


def _pattern(node: dict[str, Any]) -> str:
    straight = ""
    while len(node) == 1 and "" not in node:  # no call for each letter: a path has thousands
        [(letter, node)] = node.items()
        straight += re.escape(letter)
    branches = [re.escape(letter) + _pattern(below) for letter, below in node.items() if letter]
    if not branches:
        return straight
    return f"{straight}(?:{'|'.join(branches)})" + ("?" if "" in node else "")
