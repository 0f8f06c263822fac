"""Text in whatever encoding it is."""

from __future__ import annotations

import re

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DECLARED = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_-]+)|encoding\s*=\s*[\"']([A-Za-z0-9_-]+)")
_ASKED_BYTES = 64 * 1024


def decoded(content: bytes, *, declared: bool = False) -> str:
    """Decodes text: as its mark or (`declared`) its head says, as UTF-8, else by what its bytes look like."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    named = _DECLARED.search(content[:2048]) if declared else None
    for encoding in (*([(named[1] or named[2]).decode()] if named else ()), "utf-8"):
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    from charset_normalizer import from_bytes  # most text is UTF-8

    best = from_bytes(content[:_ASKED_BYTES]).best()
    return content.decode(best.encoding if best else "latin-1", "replace")
