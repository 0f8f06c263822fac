"""Which files in an upload folder are whole: nobody writes to them any more."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from medley.catalog.uploads import Upload
from medley.sources.endings import ends_whole

#: Folders within an upload folder where `--after move` puts what is done with; not looked at.
DONE, FAILED = "done", "failed"
#: Names that programs give to what they have not finished: browsers, curl, rsync, editors, office programs.
_TEMPORARY = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".swp", "~")


def is_temporary(path: PurePath) -> bool:
    """Tells whether the name says that the file is not finished, or not meant to be seen."""
    return path.name.startswith((".", "~$")) or path.name.lower().endswith(_TEMPORARY)


def seen_at(path: Path, source: str, after: str = "keep") -> Upload:
    """Builds the upload that the file at `path` is now. Raises FileNotFoundError."""
    found = path.stat()
    return Upload(str(path), source, f"{found.st_size}:{found.st_mtime_ns}:{found.st_ino}", after)


def files_in(folder: Path) -> Iterator[Path]:
    """Yields the regular files under the upload folder but those that Medley has moved away; see `entries_in`."""
    return filter(is_regular, entries_in(folder, without=(DONE, FAILED)))


def entries_in(
    folder: Path, unlisted: Callable[[OSError], object] | None = None, *, without: Container[str] = ()
) -> Iterator[Path]:
    """Yields everything under `folder` except folders; links are not followed.

    Files that are temporary or hidden are left out, as are the folders `without` right below `folder`. `unlisted` is
    told of folders that cannot be listed.
    """
    for directory, names, files in os.walk(folder, onerror=unlisted):
        names[:] = [name for name in names if not name.startswith(".")]
        if Path(directory) == folder:
            names[:] = [name for name in names if name not in without]
        names.sort()
        yield from (path for name in sorted(files) if not is_temporary(path := Path(directory, name)))


def is_regular(path: Path) -> bool:
    """Tells whether `path` is a file and no link, device or the like; False where the file is gone."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


#: A file to which nobody has written for so long is not being written in pieces.
_SETTLED_S = 600.0


@dataclass(slots=True)
class _Candidate:
    size_bytes: int
    mtime_ns: int
    changed: float
    closed: bool = False
    pause_s: float = 0.0  #: the longest one between two changes


@dataclass(frozen=True, slots=True)
class _Resumed:
    """How often somebody came back to a file, and how it was when it was last whole or written to."""

    times: int
    mtime_ns: int
    seen: float


class StabilityTracker:
    """Files that are perhaps still being written. Times are seconds of one monotonic clock.

    A file counts as whole when its size and mtime have not changed for `quiet_s`, or for `closed_s` since a program
    that had it open for writing closed it; at once where it then ends as its format wants. The wait is at least twice
    the longest pause between two writes. One that is empty or cannot be opened may only have been begun: it gets
    `patience_s`, and then a run says what is wrong with it. One that goes on after it was whole, or after it was
    closed, is written in pieces: each time it gets twice as long, up to `patience_s`.
    """

    def __init__(self, quiet_s: float = 6.0, closed_s: float = 2.0, patience_s: float = 60.0) -> None:
        self._quiet_s, self._closed_s, self._patience_s = quiet_s, closed_s, patience_s
        self._candidates: dict[Path, _Candidate] = {}
        self._resumed: dict[Path, _Resumed] = {}

    def touch(self, path: Path, now: float, *, closed: bool = False) -> None:
        """Notes that something has happened to `path`, or that `path` was found."""
        if is_temporary(path) or not is_regular(path):
            return
        found = path.stat()
        known = self._candidates.get(path)
        if known is None or closed or (known.size_bytes, known.mtime_ns) != (found.st_size, found.st_mtime_ns):
            self._count_resumed(path, known, found.st_mtime_ns, now)
            self._candidates[path] = _candidate(known, found, now, closed=closed)

    def whole(self, now: float) -> list[Path]:
        """Returns the files that are whole by now; these files are candidates no longer."""
        ready = []
        for path, known in list(self._candidates.items()):
            try:
                found = path.stat()
            except OSError:
                del self._candidates[path]
                continue
            if (found.st_size, found.st_mtime_ns) != (known.size_bytes, known.mtime_ns):
                self._count_resumed(path, known, found.st_mtime_ns, now)
                self._candidates[path] = _candidate(known, found, now)
            elif now - known.changed >= self._wait_s(path, known):
                del self._candidates[path]
                ready.append(path)
                times = self._resumed[path].times if path in self._resumed else 0
                self._resumed[path] = _Resumed(times, known.mtime_ns, now)
        self._forget_settled(now)
        return ready

    def _count_resumed(self, path: Path, known: _Candidate | None, mtime_ns: int, now: float) -> None:
        """Somebody writes to it who had closed it, or to what was whole; a second word of the same write counts not."""
        before = self._resumed.get(path)
        whole_at = before.mtime_ns if before and known is None else known.mtime_ns if known and known.closed else None
        if whole_at is not None and whole_at != mtime_ns:
            self._resumed[path] = _Resumed(before.times + 1 if before else 1, mtime_ns, now)

    def _forget_settled(self, now: float) -> None:
        """Memory does not grow with the number of files that have landed."""
        for path, known in list(self._resumed.items()):
            if now - known.seen > _SETTLED_S and path not in self._candidates:
                del self._resumed[path]

    def _wait_s(self, path: Path, known: _Candidate) -> float:
        if not known.size_bytes or not os.access(path, os.R_OK):
            return self._patience_s
        quiet_s = self._closed_s if known.closed else self._quiet_s
        times = self._resumed[path].times if path in self._resumed else 0
        if known.closed and not times and ends_whole(path):
            return 0.0
        longer_s = self._quiet_s * 2.0 ** min(times - 1, 10) if times else 0.0
        return min(self._patience_s, max(quiet_s, longer_s, 2.0 * known.pause_s))


def _candidate(before: _Candidate | None, found: os.stat_result, now: float, *, closed: bool = False) -> _Candidate:
    pause_s = max(before.pause_s, now - before.changed) if before else 0.0
    return _Candidate(found.st_size, found.st_mtime_ns, now, closed, pause_s)
