"""Files that are attached to others, by URL; see `medley.attached`.

They are taken out whenever somebody wants to read them: no copy of theirs is kept.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from medley.attached import SCHEME, number_of, parent_of
from medley.errors import BadInput, MissingFile
from medley.media.attachments import extract
from medley.settings import load_settings
from medley.sources import buckets, remote
from medley.types import Object

SCHEMES = (SCHEME,)
_CHUNK_BYTES, _UNKNOWN = 1 << 20, -1


def head(url: str) -> Object:
    """Looks up the version, which is that of the file around it. Raises MissingFile, TransientError."""
    parent = _parent(url)
    if _is_url(parent):
        around: Object = _source(parent).head(parent)
        return replace(around, url=url, size_bytes=_UNKNOWN)
    try:
        found = os.stat(parent)
    except OSError:
        raise MissingFile(f"was attached to {parent}, which is not there", file=url, remedy="Put it back") from None
    return Object(url, _UNKNOWN, f"{found.st_size}:{found.st_mtime_ns}:{found.st_ino}")


def listing(url: str) -> Iterator[list[Object]]:
    """Lists nothing: what is attached to a file is known once that has been read."""
    yield from ()


def first_bytes(url: str, count: int) -> bytes:
    """Reads the first `count` bytes. Raises as `chunks`."""
    with _taken_out(url) as path, path.open("rb") as file:
        return file.read(count)


def chunks(url: str) -> Iterator[bytes]:
    """Yields the file's bytes. Raises BadInput where it cannot be taken out, TransientError."""
    with _taken_out(url) as path, path.open("rb") as file:
        while part := file.read(_CHUNK_BYTES):
            yield part


def read(url: str) -> bytes:
    """Reads the whole file. Raises as `chunks`."""
    return b"".join(chunks(url))


@contextmanager
def _taken_out(url: str) -> Iterator[Path]:
    parent = _parent(url)
    with tempfile.TemporaryDirectory() as directory:
        around = Path(parent)
        if _is_url(parent):
            around = Path(directory, "around")
            with around.open("wb") as file:
                file.writelines(_source(parent).chunks(parent))
        try:
            yield extract(around, number_of(url), Path(directory), load_settings().limits)
        except BadInput as error:
            error.file = url
            raise


def _parent(url: str) -> str:
    parent = parent_of(url)
    if parent is None:
        raise MissingFile("is no attached file", file=url, remedy="attached:///folder/mail.eml!/1/report.pdf is one")
    return parent


def _source(url: str) -> ModuleType:
    scheme = url.partition("://")[0]
    return sys.modules[__name__] if scheme == SCHEME else buckets if scheme in buckets.SCHEMES else remote


def _is_url(path: str) -> bool:
    return "://" in path
