"""Subtitles beside an object in a bucket, by their names: see `medley.sources.sidecars`."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

from medley.errors import BadInput, MissingFile
from medley.media.sniff import HEAD_BYTES, sniff_head
from medley.media.subtitle_tracks import DEMUXERS
from medley.sources import buckets
from medley.sources.sidecars import MOST_BYTES, Folder, with_tracks
from medley.types import Asset

_KEPT_S, _KEPT_TIMES = 5.0, 20  # how long a listing counts: seconds, and times as long as it took
_kept: dict[str, tuple[float, Folder, dict[str, int]]] = {}  # until when, the names, and their sizes


def with_sidecars_at(asset: Asset, url: str) -> Asset:
    """Returns the asset at `url` with the subtitles beside it as further tracks. Raises TransientError.

    Who may read an object may not always list its folder: a note says that nothing beside it was looked for.
    """
    if asset.media.flow != "video" or not _in_bucket(url):
        return asset
    try:
        beside = {place: partial(_content, place) for place in sidecars_at(url)}
    except MissingFile as error:
        note = f"subtitles beside it are not looked for: {error.reason}"
        return replace(asset, media=replace(asset.media, notes=(*asset.media.notes, note)))
    return with_tracks(asset, PurePosixPath(url).stem, beside)


def sidecars_at(url: str) -> list[str]:
    """Lists the subtitles that go with a video in a bucket. Raises MissingFile, TransientError."""
    if not _in_bucket(url):
        return []
    folder, name = _parts(url)
    return [f"{folder}/{found}" for found in _names_in(folder)[0].subtitles_of(PurePosixPath(name).stem)]


def video_at(url: str) -> str | None:
    """Finds the video that subtitles in a bucket go with; None where they go with none, or are no subtitles.

    Raises MissingFile, TransientError.
    """
    if not _in_bucket(url) or PurePosixPath(url).suffix.lower() not in DEMUXERS:
        return None
    folder, name = _parts(url)
    if name not in _names_in(folder)[1]:
        _kept.pop(folder, None)  # it is newer than what is known of its folder
    names, sizes = _names_in(folder)
    for found in names.videos_of(name) if name in sizes else ():
        try:
            if sizes[found] and sniff_head(_head(f"{folder}/{found}", sizes[found]), found).flow == "video":
                return f"{folder}/{found}"
        except BadInput:
            continue
    return None


def _in_bucket(url: str) -> bool:
    return url.partition("://")[0] in buckets.SCHEMES


def _parts(url: str) -> tuple[str, str]:
    folder, _, name = url.rpartition("/")
    return folder, name


def _names_in(folder: str) -> tuple[Folder, dict[str, int]]:
    """Listed once in a while: a folder may hold thousands of videos."""
    began, known = time.monotonic(), _kept.get(folder)
    if known is None or known[0] < began:
        sizes = {_parts(found.url)[1]: found.size_bytes for found in buckets.folder(folder)}
        ended = time.monotonic()
        known = (ended + max(_KEPT_S, _KEPT_TIMES * (ended - began)), Folder.of(sizes), sizes)
        _kept.clear()  # files come folder by folder
        _kept[folder] = known
    return known[1:]


def _head(url: str, size_bytes: int) -> bytes:
    return buckets.first_bytes(url, min(HEAD_BYTES, size_bytes))


def _content(url: str) -> bytes:
    folder, name = _parts(url)
    if (size_bytes := _names_in(folder)[1].get(name, 0)) > MOST_BYTES:
        raise ValueError(f"it has {size_bytes} bytes")
    return buckets.read(url)
