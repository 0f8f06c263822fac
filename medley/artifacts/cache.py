"""Copies on this machine of what is kept at a URL: held while somebody reads them, the least used go first.

An entry is a directory with a manifest, or a file below one of `FOLDERS`. Whoever reads an entry has a shared lock on
its manifest, or on the file itself; what is locked is not removed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from medley.artifacts.store import MANIFEST, SOURCES

FILES = ".files"  #: below the cache's root: files of artifacts that are wanted alone
_FULL, _EACH = 0.9, 0.05  # of the size: what is left after a round, and what is added before the next one
_ABANDONED_S = 86_400.0  # a draft of a process that is dead


class Cache:
    """The copies below `root`, of `most_bytes` together. Safe to use from several threads and processes."""

    def __init__(self, root: Path, most_bytes: int) -> None:
        self._root, self._most = root, most_bytes
        self._added = 0

    def added(self, count: int) -> None:
        """Notes that `count` bytes were added, and removes what was not used for longest where that is too much."""
        self._added += count
        if self._added >= self._most * _EACH:
            self._added = 0
            self._trim()

    def _trim(self) -> None:
        entries = sorted(_entries(self._root))
        total = sum(size for _, size, _ in entries)
        if total <= self._most:
            return
        for _, size, path in entries:
            if total <= self._most * _FULL:
                break
            if _removed(path):
                total -= size


def hold(path: Path) -> int | None:
    """Locks an entry by its file until the returned handle is closed; None where there is no such file by now."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    fcntl.flock(handle, fcntl.LOCK_SH)
    if _is(path, handle):
        with suppress(OSError):
            os.utime(path)
        return handle
    os.close(handle)  # removed while we waited for the lock
    return None


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Lets one process at a time make the entry at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _is(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def _entries(root: Path) -> Iterator[tuple[float, int, Path]]:
    """When each was used last, its bytes, and the file that is locked."""
    for at, folders, names in os.walk(root):
        where = Path(at)
        if where.name.startswith(".") and where.name not in (FILES, SOURCES) and where != root:
            folders.clear()  # a draft, which may get its name any moment
            with suppress(OSError):
                if time.time() - where.stat().st_mtime > _ABANDONED_S:
                    shutil.rmtree(where, ignore_errors=True)
        elif MANIFEST in names and FILES not in where.parts and SOURCES not in where.parts:
            folders.clear()
            sizes = (file.stat().st_size for file in where.rglob("*") if file.is_file())
            with suppress(OSError):
                yield (where / MANIFEST).stat().st_mtime, sum(sizes), where / MANIFEST
        elif FILES in where.parts or SOURCES in where.parts:
            for name in names:
                with suppress(OSError):
                    found = (where / name).stat()
                    yield found.st_mtime, found.st_size, where / name


def _removed(path: Path) -> bool:
    """Removes an entry that nobody holds; says whether it did."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.name == MANIFEST and not {FILES, SOURCES} & set(path.parts):
            gone = path.parent.with_name(f".{path.parent.name}.{uuid.uuid4().hex[:8]}.old")
            path.parent.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
        else:
            path.unlink()
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
