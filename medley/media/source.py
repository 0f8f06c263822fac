"""A file that is open: whoever puts something else in its place does not change what is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from medley.artifacts import sha256_of
from medley.errors import MissingFile, UnsupportedMedia
from medley.types import Asset


@dataclass(frozen=True, slots=True)
class Source:
    """An open file. Children inherit `handle` and open `path`; `name` is what people call the file."""

    handle: int
    name: str
    path: Path = field(init=False)  #: leads to this file and no other, here and in children that inherit the handle

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(f"/proc/self/fd/{self.handle}"))

    @property
    def stat(self) -> os.stat_result:
        """What the file system says of it."""
        return os.fstat(self.handle)

    @property
    def stamp(self) -> str:
        """See `stamp_of`."""
        return stamp_of(self.stat)


def stamp_of(found: os.stat_result) -> str:
    """Changes whenever somebody writes to the file: size, mtime, ctime and inode."""
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}:{found.st_ino}"


@contextmanager
def open_source(path: Path | str) -> Iterator[Source]:
    """Opens the file at `path` for the block. Raises MissingFile, UnsupportedMedia for anything but a regular file."""
    name = str(path)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would wait for its other end
    except OSError as error:
        why = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise MissingFile(why, file=name, remedy="Check the path and its permissions") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise UnsupportedMedia("is no regular file", file=name, remedy="Give a file")
        yield Source(handle, name)
    finally:
        os.close(handle)


@contextmanager
def asset_source(asset: Asset) -> Iterator[Source]:
    """Opens the bytes that the asset's id stands for, until the block ends.

    Raises MissingFile where the file holds other bytes by now, or does when the block ends: anything made of the
    file meanwhile must not be kept.
    """
    with open_source(asset.path) as source:
        require_asset(source, asset)
        yield source
        require_asset(source, asset)


def require_asset(source: Source, asset: Asset) -> None:
    """Raises MissingFile where an open file does not hold the bytes of `asset`.

    A stamp changes by chmod, too: then the bytes decide. Copies of ours have no stamp: nobody else writes to them.
    """
    if asset.stamp and source.stamp != asset.stamp and sha256_of(source.path) != asset.asset_id:
        raise MissingFile("changed after it was identified", file=asset.path, remedy="Run again when it is whole")
