"""What the JPEGs of a picture's pages are called: `picture.jpg`, `picture-00002.jpg`, ..."""

from __future__ import annotations

import re
from pathlib import Path


def page_name(first: str | Path, number: int) -> str:
    """The JPEG of a page, beside that of the first one; pages count from 1."""
    path = Path(first)
    return str(path if number == 1 else path.with_name(f"{path.stem}-{number:05}{path.suffix}"))


def pages_of(first: Path) -> list[tuple[int | None, Path]]:
    """Page and JPEG, in order; the only one of a picture is no page, and a first one that is damaged is not there."""
    found = sorted((_number(path), path) for path in first.parent.glob(f"{first.stem}-*{first.suffix}"))
    return [*([(1, first)] if first.exists() else []), *found] if found else [(None, first)]


def _number(path: Path) -> int:
    return int(re.sub(r".*-", "", path.stem))
