"""Draining the uploads: one run at a time takes what waits, batch by batch, and says what came of each file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from flows._identify import by_the_file
from flows._log import logger
from flows._parent import CHILD_ITEMS, Parent
from medley.catalog.uploads import Upload
from medley.options import VideoOptions
from medley.stop import stop_requested
from medley.uploads import DONE, FAILED, seen_at

_FINE = ("complete", "unchanged", "skipped")
#: Whoever holds this claim takes what waits; others find their files taken, and end.
CLAIM = "uploads"


def drain(paths: list[str], options: VideoOptions, parent: Parent) -> None:
    """Until nothing waits. Returns at once where another run is at it: that one takes these files as well."""
    landed = [
        seen_at(Path(path), str(Path(path).parent)) for path in map(os.path.abspath, paths) if Path(path).exists()
    ]
    parent.uploads.note(parent.uploads.unknown(landed))
    while parent.catalog.claim(CLAIM, parent.run_id):
        while not stop_requested() and (batch := parent.uploads.take(parent.run_id, CHILD_ITEMS)):
            entries = parent.child("video", [file.path for file in batch], options)
            for file in batch:
                _settle(file, entries[file.path], parent)
        parent.catalog.release(CLAIM, parent.run_id)
        if stop_requested() or not parent.uploads.waiting_paths(
            1
        ):  # looked at after the release: none falls between two runs
            return


def _settle(file: Upload, entry: dict[str, Any], parent: Parent) -> None:
    status, errors = entry["status"], entry["errors"]
    if status in _FINE or (errors and status != "cancelled" and all(by_the_file(error["type"]) for error in errors)):
        parent.uploads.settle(file, done=status in _FINE)
        _tidy(file, parent, done=status in _FINE)
    else:  # without an error somebody has cancelled the run, and does not want another one just now
        parent.uploads.put_back(file, by_itself=bool(errors))


def _tidy(file: Upload, parent: Parent, *, done: bool) -> None:
    """What the user wants to become of a file that we are through with. What they have not asked for is not touched."""
    path = Path(file.path)
    try:
        if file.after == "delete" and done:
            path.unlink()
            parent.uploads.forget(file.path)
        elif file.after == "move":
            target = _free_name(Path(file.source) / (DONE if done else FAILED) / path.name)
            target.parent.mkdir(exist_ok=True)
            shutil.move(path, target)
            parent.catalog.move_location(file.path, str(target))
            parent.uploads.forget(file.path)
    except OSError as error:
        logger.warning("%s stays where it is: %s", path, error)


def _free_name(path: Path) -> Path:
    """The path, or with a number where a file of that name is there already."""
    names = (path.with_stem(f"{path.stem}-{n}") if n else path for n in range(1 << 30))
    return next(name for name in names if not name.exists())
