"""Which flow a file goes to, by its content; batch by batch, so that memory does not grow with the number of files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from flows._parent import CHILD_ITEMS, Parent
from medley.errors import BadInput, MissingFile, TransientError, UnsupportedMedia
from medley.landing import files_in
from medley.media.sniff import HEAD_BYTES, sniff, sniff_head
from medley.objects import first_bytes, is_url
from medley.options import IngestOptions
from medley.report import ItemReport, error_entry
from medley.stop import stop_requested
from medley.types import Flow


def ingest(folders: list[str], options: IngestOptions, parent: Parent, *, force: bool) -> None:
    """Every file below `folders` gets an entry in the parent's report."""
    for flow, paths in batches(_files(folders, parent), CHILD_ITEMS):
        if stop_requested():
            return
        if flow:
            parent.child(flow, paths, options, force=force)
        else:
            for path in paths:
                parent.report.add(ItemReport(path, "skipped"))


def batches(paths: Iterable[str], size: int, otherwise: Flow | None = None) -> Iterator[tuple[Flow | None, list[str]]]:
    """Files of one flow together, `size` of them at most; `otherwise` for what is of none."""
    waiting: dict[Flow | None, list[str]] = defaultdict(list)
    for path in paths:
        flow = flow_for(path) or otherwise
        waiting[flow].append(path)
        if len(waiting[flow]) >= size:
            yield flow, waiting.pop(flow)
    yield from waiting.items()


def flow_for(path: str) -> Flow | None:
    """By the content; None where no flow works on such files. What cannot be read, its flow says."""
    try:
        return (sniff_head(first_bytes(path, HEAD_BYTES), path) if is_url(path) else sniff(Path(path))).flow
    except UnsupportedMedia:
        return None
    except (BadInput, TransientError):
        return "video"


def _files(folders: list[str], parent: Parent) -> Iterator[str]:
    for folder in map(Path, folders):
        if not folder.exists():
            missing = MissingFile("does not exist", file=str(folder), remedy="Check the path")
            parent.report.add(ItemReport(str(folder), "failed", errors=[error_entry(missing)]))
        yield from map(str, files_in(folder) if folder.is_dir() else [folder] if folder.exists() else [])
