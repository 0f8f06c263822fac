"""Files that are gone from a source, and with them what the index has of them."""

from __future__ import annotations

import os
from collections.abc import Iterable

from flows.engine.parent import Parent
from flows.engine.replaced import retire_replaced
from medley.catalog.known import forget_paths, paths_below
from medley.sources.urls import is_url, listing
from medley.system.stop import STOP


def prune(sources: Iterable[str], parent: Parent) -> int:
    """Removes from the index the files known below `sources` that are gone, and returns the number of such files.

    Nothing is pruned of a source that is not there itself: a disk that is not mounted has lost no files.
    """
    gone: list[str] = []
    for source in sources:
        if STOP.is_set():
            return 0
        root = source.rstrip("/") if is_url(source) else os.path.abspath(os.path.expanduser(source))
        if is_url(source):
            there = {found.url for page in listing(source) for found in page}
            gone += [path for path in paths_below(parent.catalog.engine, root) if path not in there]
        elif os.path.isdir(root):
            gone += [path for path in paths_below(parent.catalog.engine, root) if not os.path.lexists(path)]
    forget_paths(parent.catalog.engine, gone)
    if gone:
        retire_replaced(parent.catalog, parent.settings, parent.run_id)
    return len(gone)
