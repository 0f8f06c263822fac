"""One watched directory: notifications of the system where they work, looking again where they do not."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from watchdog.events import FileClosedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from flows.services.log import logger
from medley.catalog.uploads import Upload, Uploads
from medley.sources.stability import DONE, FAILED, StabilityTracker, files_in, seen_at
from medley.system.mounts import on_network

_RESCAN_S, _POLL_S = 300.0, 5.0
_PAGE = 500


class Folder:
    """Files of a directory and of those below it: whole ones are noted in the catalog."""

    def __init__(self, root: Path, after: str, uploads: Uploads, landing: StabilityTracker | None = None) -> None:
        self._root, self._after, self._uploads = root, after, uploads
        self._landing = landing or StabilityTracker()
        self._events: queue.SimpleQueue[tuple[str, bool]] = queue.SimpleQueue()
        self._observer = None if on_network(root) else self._observe()
        self._rescan_s = _RESCAN_S if self._observer else _POLL_S
        self._next_scan = 0.0

    def look(self, now: float) -> int:
        """Takes in what has happened; how many files have been noted as whole."""
        while not self._events.empty():
            name, closed = self._events.get()
            if self._is_ours(Path(name)):
                self._landing.touch(Path(name), now, closed=closed)
        if now >= self._next_scan:  # also at the start, after the observer has begun: nothing falls between them
            self._next_scan = now + self._rescan_s
            for path in self._unknown(files_in(self._root)):
                self._landing.touch(path, now)
        whole = list(self._uploads_of(self._landing.whole(now)))
        fresh = [file for page in _pages(whole) for file in self._uploads.unknown(page)]
        self._uploads.record(fresh)
        return len(fresh)

    def close(self) -> None:
        """Ends the notifications."""
        if self._observer:
            self._observer.stop()
            self._observer.join()

    def _observe(self) -> Observer | None:  # type: ignore[valid-type]  # the library picks a class for the system
        observer = Observer()
        observer.schedule(_Teller(self._events), str(self._root), recursive=True)
        try:
            observer.start()
        except OSError as error:  # inotify's limits of watches and instances
            logger.warning("%s is looked at every %g s: %s", self._root, _POLL_S, error)
            return None
        return observer

    def _is_ours(self, path: Path) -> bool:
        below = path.relative_to(self._root).parts
        return below[:1] not in ((), (DONE,), (FAILED,)) and not any(part.startswith(".") for part in below)

    def _uploads_of(self, paths: Iterable[Path]) -> Iterator[Upload]:
        for path in paths:
            try:
                yield seen_at(path, str(self._root), self._after)
            except OSError:
                continue  # gone again

    def _unknown(self, paths: Iterable[Path]) -> Iterator[Path]:
        for page in _pages(self._uploads_of(paths)):
            yield from (Path(file.path) for file in self._uploads.unknown(page))


def _pages(files: Iterable[Upload]) -> Iterator[list[Upload]]:
    remaining = iter(files)
    while page := list(islice(remaining, _PAGE)):
        yield page


class _Teller(FileSystemEventHandler):
    """Called in the observer's thread."""

    def __init__(self, events: queue.SimpleQueue[tuple[str, bool]]) -> None:
        self._events = events

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in ("created", "modified", "closed"):
            self._events.put((os.fsdecode(event.src_path), isinstance(event, FileClosedEvent)))
        elif event.event_type == "moved":
            self._events.put((os.fsdecode(event.dest_path), False))
