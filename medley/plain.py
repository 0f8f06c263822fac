"""Text of other people's (file names, titles, words of documents) as text, whatever it holds, wherever it goes."""

from __future__ import annotations

import json
import re
from typing import Any

# What makes a terminal or a page do something, or text look like other text: controls (C0, DEL, C1), marks that turn
# the direction, separators of lines; and halves of letters: bytes of a file name that are no UTF-8 (PEP 383).
_LIVE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKUP = re.compile(r"([\\`*_\[\]<>#|])")
#: A character that never stands for anything (Unicode, noncharacters): it marks a byte that is no UTF-8.
_MARK = "\ufdd0"
_UNDECODED = re.compile(f"[\udc80-\udcff{_MARK}]")
_MARKED = re.compile(f"{_MARK}([0-9a-f]{{2}}|{_MARK})")


def printable(text: str, keep: str = "") -> str:
    r"""Writes characters that could do something in a terminal, log or page as text: \x1b. `keep` stays."""
    return _LIVE.sub(lambda found: found[0] if found[0] in keep else _shown(ord(found[0])), text)


def _shown(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00  # the byte itself
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def markdown_text(text: str) -> str:
    """Puts the text on one line, and escapes characters that have a meaning in Markdown or HTML."""
    return _MARKUP.sub(r"\\\1", printable(" ".join(text.split())))


def to_json(value: Any, indent: int | None = None) -> str:
    """Writes JSON that can be printed anywhere and encoded as UTF-8.

    Characters that could do something there are escaped, and every string is readable as it was.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _LIVE.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)


def portable_name(path: str) -> str:
    """Turns the path into a Unicode string, for databases and for JSON that others parse. See `native_name`."""
    return _UNDECODED.sub(lambda found: _MARK + (_MARK if found[0] == _MARK else f"{ord(found[0]) - 0xDC00:02x}"), path)


def native_name(name: str) -> str:
    """Restores the path that `portable_name` was given: the name by which the system calls the file."""
    return _MARKED.sub(lambda found: _MARK if found[1] == _MARK else chr(0xDC00 + int(found[1], 16)), name)
