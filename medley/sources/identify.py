"""From a path to an asset: hash, sniff, probe, and no reading at all where nothing changed."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path, PurePosixPath

from medley.artifacts import sha256_of
from medley.catalog import Catalog, Location
from medley.catalog.lookup import Known
from medley.dag.pipeline import Pipeline
from medley.dag.registry import pipeline_named
from medley.errors import BadInput, CorruptMedia, MissingFile, TooLarge, UnsupportedMedia
from medley.media.magic import Sniffed
from medley.media.probe import is_outdated, probe_source
from medley.media.sniff import HEAD_BYTES
from medley.media.source import Source, open_source, stamp_of
from medley.setting_groups import Limits
from medley.sources.bucket_sidecars import with_sidecars_at
from medley.sources.kinds import kind_for, kind_of_head, require_kind
from medley.sources.sidecars import with_sidecars
from medley.sources.urls import RAISE, fetch, first_bytes, head, is_url
from medley.types import Asset, Flow, MediaInfo, Object

#: A file younger than this may change again without its size or mtime showing it.
_SETTLED_S = 2.0


def identify(
    path: str,
    flow: Flow,
    catalog: Catalog,
    limits: Limits,
    spool: Path,
    *,
    verify: bool = False,
    lookup: Known | None = None,
) -> Asset:
    """Identifies the asset at `path`, for `flow`; the catalog notes an asset that is new there.

    `lookup` is what the catalog knows of the path and of others, where somebody has asked for many at once.

    The copy of a file that is elsewhere goes to `spool`. An unchanged location is trusted without reading the file,
    unless the file is too young or `verify` is set. Raises BadInput; where the content could be hashed, the error
    has the attribute `asset_id`. For a file in a bucket, raises TransientError as well.
    """
    pipeline = pipeline_named(flow)
    if is_url(path):
        found = _identify_object(path, pipeline, catalog, limits, spool, lookup or catalog, verify=verify)
        return with_sidecars_at(found, path)
    return with_sidecars(_identify_file(path, pipeline, catalog, limits, lookup or catalog, verify=verify))


def _identify_file(
    path: str, pipeline: Pipeline, catalog: Catalog, limits: Limits, lookup: Known, *, verify: bool
) -> Asset:
    absolute = Path(os.path.abspath(path))
    found = _stat(absolute, limits)
    known = lookup.location(str(absolute))
    trusted = known and known.asset_id and not verify and _same(known, found)
    if known and known.asset_id and trusted and (media := _known_media(lookup, known.asset_id)):
        require_kind(pipeline, media, path)
        return Asset(known.asset_id, str(absolute), found.st_size, media, stamp_of(found))
    with open_source(absolute) as source:
        return _read(source, known, pipeline, catalog, limits)


def _read(source: Source, known: Location | None, pipeline: Pipeline, catalog: Catalog, limits: Limits) -> Asset:
    """Looks at an open file as a whole: what is hashed is what is probed, whatever its name leads to meanwhile."""
    found, stamp = source.stat, source.stamp
    sniffed = kind_for(pipeline, source.path, source.name)
    require_kind(pipeline, sniffed, source.name)
    digest = sha256_of(source.path)
    if source.stamp != stamp:
        raise MissingFile("changed while it was read", file=source.name, remedy="Run again when it is whole")
    fresh = Location(source.name, digest, found.st_size, found.st_mtime_ns, str(found.st_ino))
    return _seen(fresh, known, source, sniffed, pipeline, catalog, limits, stamp)


def spooled(asset_id: str, url: str, spool: Path) -> Path:
    """Returns the path of an object's copy in the spool."""
    return spool / asset_id / (PurePosixPath(url).name or "object")


def _identify_object(
    url: str, pipeline: Pipeline, catalog: Catalog, limits: Limits, spool: Path, lookup: Known, *, verify: bool
) -> Asset:
    """The copy of an asset that is known already is made when a stage needs it: see `flows/engine/spool.py`."""
    found = head(url)
    if not found.size_bytes:
        raise CorruptMedia("is empty (0 bytes)", file=url, remedy="Upload it again")
    if found.size_bytes > limits.max_file_bytes:
        raise TooLarge(f"has {found.size_bytes} bytes", file=url, remedy=RAISE)
    known = lookup.location(url)
    trusted = known and known.asset_id and not verify and found.version and known.inode == found.version
    if known and known.asset_id and trusted and (media := lookup.media(known.asset_id)):
        require_kind(pipeline, media, url)
        return Asset(known.asset_id, str(spooled(known.asset_id, url, spool)), known.size_bytes or 0, media)
    asset_id, local = _copied(found, pipeline, limits, spool)
    with open_source(local) as source:
        fresh = Location(url, asset_id, source.stat.st_size, None, found.version)
        sniffed = kind_for(pipeline, source.path, source.name)
        return _seen(fresh, known, source, sniffed, pipeline, catalog, limits)


def _copied(found: Object, pipeline: Pipeline, limits: Limits, spool: Path) -> tuple[str, Path]:
    """The object's hash, and its copy; what is no media by its first bytes is not copied."""
    count = min(HEAD_BYTES, found.size_bytes) if found.size_bytes > 0 else HEAD_BYTES
    require_kind(pipeline, kind_of_head(pipeline, first_bytes(found.url, count), found.url), found.url)
    draft = spool / "incoming"
    asset_id = fetch(found.url, draft, limits.max_file_bytes)
    local = spooled(asset_id, found.url, spool)
    local.parent.mkdir(parents=True, exist_ok=True)
    return asset_id, draft.rename(local)


def _seen(
    where: Location,
    known: Location | None,
    source: Source,
    sniffed: Sniffed,
    pipeline: Pipeline,
    catalog: Catalog,
    limits: Limits,
    stamp: str = "",
) -> Asset:
    """Notes the asset and where it was seen, if that is news; probes the file where nobody has before."""
    asset_id = str(where.asset_id)
    media = _known_media(catalog, asset_id)
    news = media is None or where != known
    try:
        media = media or _probe(asset_id, source, sniffed, limits)
    finally:
        if news:
            catalog.upsert_location(where, media)
    require_kind(pipeline, media, where.path)
    return Asset(asset_id, source.name, where.size_bytes or 0, media, stamp)


def _stat(path: Path, limits: Limits) -> os.stat_result:
    if "\0" in str(path):
        raise MissingFile("is no path: there is a NUL byte in it", file=str(path), remedy="Check the list of files")
    try:
        found = path.stat()
    except OSError as error:
        raise MissingFile(_why(error), file=str(path), remedy="Check the path") from error
    if stat.S_ISDIR(found.st_mode):
        raise MissingFile("is a directory", file=str(path), remedy="Give files, or use: medley ingest DIRECTORY")
    if not stat.S_ISREG(found.st_mode):
        raise UnsupportedMedia("is no regular file", file=str(path), remedy="Give a file")
    if not found.st_size:
        raise CorruptMedia("is empty (0 bytes)", file=str(path), remedy="Copy or export it again")
    if found.st_size > limits.max_file_bytes:
        raise TooLarge(f"has {found.st_size} bytes", file=str(path), remedy=RAISE)
    return found


def _why(error: OSError) -> str:
    return "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"


def _same(known: Location, found: os.stat_result) -> bool:
    settled = time.time() - found.st_mtime >= _SETTLED_S
    recorded = (known.size_bytes, known.mtime_ns, known.inode)
    return settled and recorded == (found.st_size, found.st_mtime_ns, str(found.st_ino))


def _known_media(catalog: Known | Catalog, asset_id: str) -> MediaInfo | None:
    """What the probe found before; None where it did not run, or a newer one finds more."""
    media = catalog.media(asset_id)
    return None if media is None or is_outdated(media) else media


def _probe(asset_id: str, source: Source, sniffed: Sniffed, limits: Limits) -> MediaInfo:
    if sniffed.flow != "video":
        return MediaInfo(sniffed.demuxer, sniffed.media_type)  # what else is wrong with it, its first stage finds
    try:
        return probe_source(source, sniffed, limits)
    except BadInput as error:
        error.asset_id = asset_id
        raise
