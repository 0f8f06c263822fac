"""How much of a damaged file was lost: what was decoded against what the container declares, and ffmpeg's complaints.

Exit status is no health signal: of sixty files with turned-over bits, forty gave 0.
"""

from __future__ import annotations

import re
from datetime import timedelta

# ffmpeg's and its decoders' words for "this part of the file is broken", as they stand at log level error.
_BROKEN = re.compile(
    r"invalid data found|decoding error|error (while )?decoding|error (submitting|splitting)|corrupt|partial file|"
    r"ended prematurely|truncat|concealing|invalid nal|damaged|ffmpeg ended with",
    re.IGNORECASE,
)


def damage_of(what: str, *, decoded_s: float, declared_s: float, slack_s: float, errors: int) -> str:
    """Describes for people what is lost of `what` ("sound"); empty where nothing is lost.

    `declared_s` is 0 where the container says nothing. Differences up to `slack_s` are rounding.
    """
    if declared_s - decoded_s > slack_s:
        return f"only {_length(decoded_s)} of {_length(declared_s)} of its {what} can be decoded"
    return f"its {what} is damaged: {errors} error{'s' * (errors > 1)} while decoding" if errors else ""


def broken_lines(complaints: str) -> list[str]:
    """Returns the complaints of ffmpeg that mean damage, not a mere oddity."""
    return [line for line in complaints.splitlines() if _BROKEN.search(line)]


def _length(seconds: float) -> str:
    return f"{max(0.0, seconds):.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))
