"""Copies of objects in buckets: made when a stage needs them, gone when the item has ended."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from flows.engine.items import Item
from medley.errors import MedleyError, TransientError
from medley.sources.urls import fetch, is_url
from medley.types import Asset


def clear_spool(spool: Path, running: set[str]) -> None:
    """Removes the copies of runs that are no more."""
    for directory in spool.glob("*"):
        if directory.name not in running:
            shutil.rmtree(directory, ignore_errors=True)


def make_copy(item: Item, asset: Asset) -> None:
    """Fetches the copy of an object in a bucket, unless the copy is there: identifying has not read a known object.

    Raises MissingFile, TransientError, NoSpace.
    """
    if not is_url(item.path) or Path(asset.path).exists():
        return
    if fetch(item.path, Path(asset.path)) != asset.asset_id:
        drop_copy(item, [])
        raise TransientError("has changed since it was looked at", file=item.path, remedy="Run again")


def drop_copy(item: Item, errors: Sequence[MedleyError]) -> None:
    """Removes it, and names the object in its place: nobody knows the copy."""
    if item.asset and is_url(item.path):
        shutil.rmtree(Path(item.asset.path).parent, ignore_errors=True)
        for error in errors:
            error.file = item.path if error.file else ""
