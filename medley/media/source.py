"""A file that is open: whoever puts something else in its place does not change what is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from medley.artifacts import ArtifactStore, sha256_of
from medley.errors import MedleyError, MissingFile, UnsupportedMedia
from medley.types import Asset

_NAME = 60  # letters of a copy's name, which may be longer in words than in the file system


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


@contextmanager
def asset_here(asset: Asset, artifacts: ArtifactStore) -> Iterator[Asset]:
    """Yields the asset as this machine may read it until the block ends: with a copy where it does not see the file.

    Raises TransientError.
    """
    if not asset.url or _is_here(asset):
        yield asset
        return
    with artifacts.hold_source(asset.url, asset.asset_id, asset.name[-_NAME:]) as copy:
        try:
            yield replace(asset, path=str(copy), stamp="")
        except MedleyError as error:
            error.file = asset.path if error.file == str(copy) else error.file
            raise


def _is_here(asset: Asset) -> bool:
    """Whether the file is on this machine: another one may have that path."""
    try:
        found = os.stat(asset.path)
    except OSError:
        return False
    return not asset.stamp or stamp_of(found) == asset.stamp
