"""Pictures of all kinds as JPEGs of ours: upright, sRGB, no larger than a model looks at."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medley.errors import BadInput, CorruptMedia, TooLarge, UnsupportedMedia
from medley.media.job import run_job
from medley.media.sniff import sniff
from medley.media.source import Source, open_source, require_asset
from medley.settings import Limits
from medley.types import Asset

#: What the copy of a picture is called in its artifact.
PICTURE = "picture.jpg"
_PROGRAM = Path(__file__).with_name("picture_child.py")  # not imported: it loads Pillow's plugins


@dataclass(frozen=True, slots=True)
class PictureJob:
    """One picture: where it is, its format as Pillow calls it, and the JPEG to make of it."""

    source: Source
    kind: str
    target: Path


def convert_picture(path: Path, target: Path, max_side_px: int, limits: Limits) -> None:
    """Makes one JPEG of a picture file. Raises BadInput."""
    with open_source(path) as source:
        found = sniff(source.path, source.name)
        if found.flow != "image":
            raise UnsupportedMedia(f"is no picture but {found.media_type}", file=str(path), remedy="Give a picture")
        [error] = convert_pictures([PictureJob(source, found.demuxer, target)], max_side_px, limits)
    if error:
        raise error


def convert_assets(todo: Sequence[tuple[Asset, Path]], max_side_px: int, limits: Limits) -> list[BadInput | None]:
    """Makes the JPEG of each asset; what is wrong with each, None where nothing is. Raises NoSpace, Cancelled."""
    found: dict[str, BadInput | None] = {}
    with contextlib.ExitStack() as opened:
        jobs: dict[str, PictureJob] = {}
        for asset, target in todo:
            try:
                source = opened.enter_context(open_source(asset.path))
                require_asset(source, asset)
                jobs[asset.asset_id] = PictureJob(source, asset.media.demuxer, target)
            except BadInput as error:
                found[asset.asset_id] = error
        found |= zip(jobs, convert_pictures(list(jobs.values()), max_side_px, limits), strict=True)
        for asset, _ in todo:
            if found[asset.asset_id] is None:
                found[asset.asset_id] = _changed(jobs[asset.asset_id].source, asset)
    return [found[asset.asset_id] for asset, _ in todo]


def _changed(source: Source, asset: Asset) -> BadInput | None:
    try:
        require_asset(source, asset)
    except BadInput as error:
        return error
    return None


def convert_pictures(jobs: Sequence[PictureJob], max_side_px: int, limits: Limits) -> list[BadInput | None]:
    """Makes the JPEGs; what is wrong with each picture, None where nothing is.

    In a child process; one that dies costs the picture that it was at. Raises NoSpace, Cancelled.
    """
    found: list[BadInput | None] = []
    while len(found) < len(jobs):
        found += _round(jobs[len(found) :], max_side_px, limits)
    return found


def _round(jobs: Sequence[PictureJob], max_side_px: int, limits: Limits) -> list[BadInput | None]:
    """As far as one child comes, and at least one picture."""
    with tempfile.TemporaryDirectory(dir=jobs[0].target.parent) as made:  # a child writes into one directory
        pictures = [[str(job.source.path), job.kind, f"{made}/{n}.jpg"] for n, job in enumerate(jobs)]
        job = {"pictures": pictures, "max_side_px": max_side_px, "max_pixels": limits.max_pixels}
        told = run_job(_PROGRAM, job, limits.for_a_part(), Path(made), [job.source for job in jobs])
        found = [_error(line, job.source.name) for line, job in zip(told.lines, jobs, strict=False)]
        for (_, _, picture), todo, error in zip(pictures, jobs, found, strict=False):
            if error is None:
                Path(picture).rename(todo.target)
    if len(found) < len(jobs):
        found.append(_lost(told.too_long, jobs[len(found)].source.name))
    return found


def _lost(too_long: str, path: str) -> BadInput:
    if too_long:
        return TooLarge(too_long, file=path, remedy="Raise MEDLEY_LIMITS__PART_S if you trust the file")
    return CorruptMedia("its decoder died of it", file=path, remedy="Export it again")


def _error(found: dict[str, str], path: str) -> BadInput | None:
    if "too_large" in found:
        return TooLarge(found["too_large"], file=path, remedy="Raise MEDLEY_LIMITS__MAX_PIXELS if you trust the file")
    if "error" in found:
        return CorruptMedia(f"cannot be decoded: {found['error']}", file=path, remedy="Copy or export it again")
    return None
