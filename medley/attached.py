"""Names of files that are attached to others: attached:///folder/mail.eml!/2/report.pdf is the second one of that mail.

A file within a file within a file has several such steps.
"""

from __future__ import annotations

import os
import re

SCHEME = "attached"
_PREFIX = f"{SCHEME}://"
_STEP = re.compile(r"(?P<parent>.+)!/(?P<number>\d+)/(?P<name>[^/]*)", re.DOTALL)
_NOT_IN_NAMES = re.compile(r"[/\0]|!$")
_NAME = 100


def attached_url(parent: str, number: int, name: str) -> str:
    """Names the file that is attached to `parent`, a path or URL, as its `number`th."""
    return f"{_PREFIX}{parent.removeprefix(_PREFIX)}!/{number}/{_NOT_IN_NAMES.sub('_', name)[:_NAME] or 'file'}"


def parent_of(path: str) -> str | None:
    """Returns the path or URL of the file that `path` is attached to; None of what is attached to none."""
    if (step := _step(path)) is None:
        return None
    parent = step["parent"]
    return _PREFIX + parent if _STEP.fullmatch(parent) and not os.path.lexists(parent) else parent


def number_of(url: str) -> int:
    """Returns which of its parent's files an attached file is, counted from 1; 0 of what is attached to none."""
    step = _step(url)
    return int(step["number"]) if step else 0


def roots(path: str) -> tuple[str, str]:
    """Returns how URLs begin of files that are attached to one at `path`, or to one below it."""
    root = _PREFIX + path.removeprefix(_PREFIX).rstrip("/")
    return f"{root}!/", f"{root}/"


def _step(path: str) -> re.Match[str] | None:
    return _STEP.fullmatch(path.removeprefix(_PREFIX)) if path.startswith(_PREFIX) else None
