"""Draining the uploads: one run at a time takes what waits, batch by batch, and says what came of each file."""

from __future__ import annotations

import errno
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from flows.engine.items import is_input_fault
from flows.engine.parent import Parent
from flows.engine.routing import batches
from flows.services.log import logger
from medley.catalog.uploads import Upload
from medley.errors import MedleyError, MissingFile, TransientError
from medley.plain import native_name
from medley.sources.bucket_sidecars import sidecars_at, video_at
from medley.sources.sidecars import sidecars_of, video_of
from medley.sources.stability import DONE, FAILED, seen_at
from medley.sources.urls import head, is_url, move, remove
from medley.system.stop import STOP

_FINE = ("complete", "unchanged", "skipped")
_STAYS_S, _LOOK_S = 5.0, 0.2
_BATCH = 100  # less than a child run could take: what lands meanwhile does not wait for hours
_REFUSES = "video"  # what no pipeline takes: this one says so
_NOTHING: dict[str, Any] = {"status": "skipped", "errors": [], "asset_id": None}
#: Whoever holds this claim takes what waits; others find their files taken, and end.
CLAIM = "uploads"


def drain(paths: list[str], parent: Parent) -> None:
    """Works on the uploads, `paths` among them, until none waits.

    Returns at once where another run is at work on the uploads: that run takes these files as well.
    """
    landed = [upload for path in paths if (upload := _landed(native_name(path)))]
    parent.uploads.record(parent.uploads.unknown(landed))
    while parent.catalog.claim([CLAIM], parent.run_id):
        stays_s = 0.0  # a run that has found nothing is not needed
        while batch := _next_batch(parent, stays_s):
            stays_s = _STAYS_S
            works = {file.path: _work_of(file, parent) for file in batch}
            paths = list(dict.fromkeys(path for path in works.values() if path))
            entries = parent.run_jobs(batches(paths, parent.settings.routes, otherwise=_REFUSES))
            for file in batch:
                _settle(file, entries.get(works[file.path], _NOTHING), parent, alone=works[file.path] == file.path)
        parent.catalog.release([CLAIM], parent.run_id)
        # Looked at after the release: what lands in this moment falls to one of two runs, never between them.
        if STOP.is_set() or not parent.uploads.waiting_paths(1):
            return


def _work_of(file: Upload, parent: Parent) -> str:
    """The path that is worked on for an upload: subtitles stand for their video; "" while that is still landing."""
    video = _video_of(file.path)
    if video is None:
        return file.path
    landed = _landed(str(video), file.source)
    return "" if landed is None or parent.uploads.unknown([landed]) else str(video)


def _video_of(path: str) -> str | None:
    """What subtitles go with; of a bucket that does not answer the run over the file itself says so."""
    if not is_url(path):
        return str(found) if (found := video_of(Path(path))) else None
    try:
        return video_at(path)
    except (MissingFile, TransientError):
        return None


def _next_batch(parent: Parent, stays_s: float) -> list[Upload]:
    """What waits. Where nothing does, what lands within `stays_s`: another run would take as long to begin."""
    end = time.monotonic() + stays_s
    batch: list[Upload] = []
    while not STOP.is_set() and not (batch := parent.uploads.take(parent.run_id, _BATCH)):
        while not parent.uploads.waiting_paths(1):
            if time.monotonic() > end or STOP.wait(_LOOK_S):
                return []
    return batch


def _landed(path: str, source: str = "") -> Upload | None:
    """What is at `path` now; None where it is gone again. Without a `source` the folder it is in is one."""
    try:
        if is_url(path):
            return Upload(path, source or path.rpartition("/")[0], head(path).version)
        absolute = Path(os.path.abspath(path))
        return seen_at(absolute, source or str(absolute.parent))
    except (OSError, MissingFile):
        return None


def _settle(file: Upload, entry: dict[str, Any], parent: Parent, *, alone: bool = True) -> None:
    """Says what became of a file; what is not `alone` is a part of another one, and goes where that goes."""
    status, errors = entry["status"], entry["errors"]
    if status in _FINE or (errors and status != "cancelled" and all(is_input_fault(error["type"]) for error in errors)):
        parent.uploads.settle(file, done=status in _FINE)
        if alone:
            _tidy(file, entry["asset_id"] or "", parent, done=status in _FINE)
    else:  # without an error somebody has cancelled the run, and does not want another one just now
        parent.uploads.put_back(file, by_itself=bool(errors))


def _tidy(file: Upload, asset_id: str, parent: Parent, *, done: bool) -> None:
    """What the user wants to become of a file that we are through with. What they have not asked for is not touched."""
    try:
        if file.after == "keep" or _landed(file.path, file.source) != replace(file, after="keep", attempts=0):
            return  # not asked for; or other content has landed there meanwhile, which nobody has looked at
        if file.after == "delete" and done:
            remove(file.path) if is_url(file.path) else Path(file.path).unlink()
            # Another file of that name is no replacement: what the deleted one held stays searchable.
            parent.catalog.move_location(file.path, f"{file.path}#{asset_id[:8]}")
            parent.uploads.forget(file.path)
        elif file.after == "move":
            folder, beside = DONE if done else FAILED, _beside(file, parent)
            parent.catalog.move_location(file.path, _moved(file, folder))
            for other in beside:
                _moved(replace(other, version=file.version) if is_url(other.path) else other, folder)
            parent.uploads.forget(file.path)
    except (OSError, MedleyError) as error:
        logger.warning("%s stays where it is: %s", file.path, error)


def _beside(file: Upload, parent: Parent) -> list[Upload]:
    """The subtitles of a video that have landed whole: they are moved with it. They are never deleted: one was read."""
    all_of_them = sidecars_at(file.path) if is_url(file.path) else map(str, sidecars_of(Path(file.path)))
    mine = (path for path in all_of_them if _video_of(path) == file.path)
    found = [landed for path in mine if (landed := _landed(path, file.source))]
    return [landed for landed in found if not parent.uploads.unknown([landed])]


def _moved(file: Upload, folder: str) -> str:
    name = PurePosixPath(file.path).name
    if is_url(file.path):
        target = "/".join((file.source, folder, f"{file.version[1:9]}-{name}"))  # the ETag: nothing is written over
        move(file.path, target)
        return target
    path = _free_name(Path(file.source) / folder / name)
    path.parent.mkdir(exist_ok=True)
    if path.parent.is_symlink():
        raise OSError(errno.ELOOP, f"{path.parent} is a link: nothing is moved through it")
    shutil.move(file.path, path)
    return str(path)


def _free_name(path: Path) -> Path:
    """The path, or with a number where a file of that name is there already."""
    names = (path.with_stem(f"{path.stem}-{n}") if n else path for n in range(1 << 30))
    return next(name for name in names if not name.exists())
