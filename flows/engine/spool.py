"""Copies of files that workers would not see otherwise: made when a stage needs them, gone when the item has ended.

Objects in buckets are copied to MEDLEY_HOME. With artifacts at a URL each machine fetches what it needs: objects from
where they are, files of this machine from `<artifacts>/spool/<run>/<asset_id>`.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flows.engine.items import Item
from medley.errors import MedleyError, MissingFile, TransientError
from medley.media.source import asset_source
from medley.run import TaskContext
from medley.sources.urls import fetch, is_url, listing, put, remove
from medley.types import Asset

_SPOOL = "spool"


def clear_spool(spool: Path, running: set[str]) -> None:
    """Removes the copies of runs that are no more."""
    for directory in spool.glob("*"):
        if directory.name not in running:
            shutil.rmtree(directory, ignore_errors=True)


def clear_spool_at(url: str, running: set[str]) -> None:
    """Removes the copies at `url` of runs that are no more. Raises TransientError."""
    for found in (each for page in listing(f"{url}/{_SPOOL}") for each in page):
        if found.url.partition(f"{url}/{_SPOOL}/")[2].partition("/")[0] not in running:
            with contextlib.suppress(MissingFile):
                remove(found.url)


def within_reach(item: Item, asset: Asset, run: TaskContext, *, shared: bool) -> Asset:
    """Returns the asset as workers are to read it, once that is possible; `shared`: they see our files.

    Raises MissingFile, TransientError, NoSpace.
    """
    if not run.artifacts_url:
        make_copy(item, asset)
        return asset
    if is_url(item.path):
        return replace(asset, url=item.path)
    if shared:
        return asset
    url = f"{run.artifacts_url}/{_SPOOL}/{run.run_id}/{asset.asset_id}"
    asset = _without_sidecars(asset)
    with asset_source(asset) as source:
        put(source.path, url)
    return replace(asset, url=url)


def _without_sidecars(asset: Asset) -> Asset:
    """Only the video is copied: workers do not see what lies beside it."""
    kept = tuple(track for track in asset.media.texts if not track.file or is_url(track.file))
    if len(kept) == len(asset.media.texts):
        return asset
    notes = (*asset.media.notes, "the subtitles beside it are not read: workers do not see this machine's files")
    return replace(asset, media=replace(asset.media, texts=kept, notes=notes))


def make_copy(item: Item, asset: Asset) -> None:
    """Fetches the copy of an object in a bucket, unless the copy is there: identifying has not read a known object.

    Raises MissingFile, TransientError, NoSpace.
    """
    if not is_url(item.path) or Path(asset.path).exists():
        return
    if fetch(item.path, Path(asset.path)) != asset.asset_id:
        drop_copy(item, [])
        raise TransientError("has changed since it was looked at", file=item.path, remedy="Run again")


def drop_copy(item: Item, errors: Sequence[MedleyError], url: str = "") -> None:
    """Removes the copy, and the one at `url`; errors name the object in its place: nobody knows the copy."""
    if url and not is_url(item.path):
        with contextlib.suppress(MissingFile, TransientError):  # the next run clears it
            remove(url)
    if item.asset and is_url(item.path):
        shutil.rmtree(Path(item.asset.path).parent, ignore_errors=True)
        for error in errors:
            error.file = item.path if error.file else ""
