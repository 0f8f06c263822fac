"""Which flow a file goes to, by its content; batch by batch, so that memory does not grow with the number of files."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from flows._parent import CHILD_ITEMS, Parent
from medley.errors import BadInput, MissingFile, UnsupportedMedia
from medley.landing import files_in
from medley.media.sniff import sniff
from medley.options import VideoOptions
from medley.report import ItemReport, error_entry
from medley.stop import stop_requested


def ingest(folders: list[str], options: VideoOptions, parent: Parent, *, force: bool) -> None:
    """Every file below `folders` gets an entry in the parent's report."""
    paths = _ours(folders, parent)
    while not stop_requested() and (batch := list(islice(paths, CHILD_ITEMS))):
        parent.child("video", batch, options, force=force)


def _ours(folders: list[str], parent: Parent) -> Iterator[str]:
    for folder in map(Path, folders):
        if not folder.exists():
            missing = MissingFile("does not exist", file=str(folder), remedy="Check the path")
            parent.report.add(ItemReport(str(folder), "failed", errors=[error_entry(missing)]))
        for path in files_in(folder) if folder.is_dir() else [folder] if folder.exists() else []:
            if _is_media(path, parent):
                yield str(path)


def _is_media(path: Path, parent: Parent) -> bool:
    """What is not ours is skipped, and says so."""
    try:
        sniff(path)
    except UnsupportedMedia:
        parent.report.add(ItemReport(str(path), "skipped"))
        return False
    except BadInput:
        return True  # its flow says what is wrong
    return True
