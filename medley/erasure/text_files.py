"""Names in reports and logs: overwritten in place with as many bytes, since their writers may have them open."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from medley.erasure.names import Names

_STAR = b"*"


def mask_in_files(files: Iterable[Path], names: Names) -> dict[str, int]:
    """Overwrites every name; counts files and names."""
    counts = [found for path in files if (found := _mask(path, names))]
    return {"files": len(counts), "names": sum(counts)} if counts else {}


def _mask(path: Path, names: Names) -> int:
    with path.open("r+b") as file:
        if not os.fstat(file.fileno()).st_size:
            return 0
        with mmap.mmap(file.fileno(), 0) as content:
            spans = [found.span() for found in names.in_bytes.finditer(content)]
            for start, end in spans:
                content[start:end] = _STAR * (end - start)
            content.flush()
        os.fsync(file.fileno())
    return len(spans)


def files_that_name(files: Iterable[Path], names: Names) -> Iterator[Path]:
    """Yields the files that still hold a name, in plain text or base64, or have a name in their own path."""
    yield from (path for path in files if names.in_bytes.search(os.fsencode(path)) or _holds(path, names))


def _holds(path: Path, names: Names) -> bool:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return bool(names.in_bytes.search(content) or names.in_base64.search(content))
    except (FileNotFoundError, ValueError):  # gone meanwhile, or empty
        return False
