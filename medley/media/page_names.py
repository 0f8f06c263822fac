"""What the JPEGs of a picture's pages are called: `picture.jpg`, `picture-00002.jpg`, ..."""

from __future__ import annotations

import re
from pathlib import Path


def page_name(first: str | Path, number: int) -> str:
    """Names the JPEG of a page, beside the JPEG of the first page; pages count from 1."""
    path = Path(first)
    return str(path if number == 1 else path.with_name(f"{path.stem}-{number:05}{path.suffix}"))


def pages_of(first: Path) -> list[tuple[int | None, Path]]:
    """Lists the number and the JPEG of each page, in order.

    The only JPEG of a picture is no page: its number is None. A first page that is damaged is not there.
    """
    found = sorted((_number(path), path) for path in first.parent.glob(f"{first.stem}-*{first.suffix}"))
    return [*([(1, first)] if first.exists() else []), *found] if found else [(None, first)]


def _number(path: Path) -> int:
    return int(re.sub(r".*-", "", path.stem))
