"""Pictures of all kinds as JPEGs of ours: upright, sRGB, no larger than a model looks at."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medley.about import About, about_from
from medley.errors import BadInput, CorruptMedia, TooLarge, UnsupportedMedia
from medley.media.job import run_job
from medley.media.page_names import page_name
from medley.media.sniff import sniff
from medley.media.source import Source, open_source, require_asset
from medley.setting_groups import Limits
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


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a picture: an error where there is no JPEG, else what is lost and what else there is to say.

    `about`: what it says of itself.
    """

    error: BadInput | None = None
    damage: str = ""
    notes: tuple[str, ...] = ()
    about: About = ()


def convert_picture(path: Path, target: Path, max_side_px: int, limits: Limits) -> None:
    """Makes one JPEG of a picture file. Raises BadInput."""
    [made] = convert_files([(path, target)], max_side_px, limits)
    if made.error:
        raise made.error


def convert_files(todo: Sequence[tuple[Path, Path]], max_side_px: int, limits: Limits) -> list[Converted]:
    """Makes the JPEG of each file, whatever kind of picture it is. Raises NoSpace, Cancelled."""
    found: dict[Path, Converted] = {}
    with contextlib.ExitStack() as opened:
        jobs: dict[Path, PictureJob] = {}
        for path, target in todo:
            try:
                jobs[path] = _job(opened.enter_context(open_source(path)), target)
            except BadInput as error:
                found[path] = Converted(error)
        found |= zip(jobs, convert_pictures(list(jobs.values()), max_side_px, limits), strict=True)
    return [found[path] for path, _ in todo]


def _job(source: Source, target: Path) -> PictureJob:
    found = sniff(source.path, source.name)
    if found.flow != "image":
        raise UnsupportedMedia(f"is no picture but {found.media_type}", file=source.name, remedy="Give a picture")
    return PictureJob(source, found.demuxer, target)


def convert_assets(todo: Sequence[tuple[Asset, Path]], max_side_px: int, limits: Limits) -> list[Converted]:
    """Makes the JPEG of each asset. Raises NoSpace, Cancelled."""
    found: dict[str, Converted] = {}
    with contextlib.ExitStack() as opened:
        jobs: dict[str, PictureJob] = {}
        for asset, target in todo:
            try:
                source = opened.enter_context(open_source(asset.path))
                require_asset(source, asset)
                jobs[asset.asset_id] = PictureJob(source, asset.media.demuxer, target)
            except BadInput as error:
                found[asset.asset_id] = Converted(error)
        found |= zip(jobs, convert_pictures(list(jobs.values()), max_side_px, limits), strict=True)
        for asset, _ in todo:
            if found[asset.asset_id].error is None and (changed := _changed(jobs[asset.asset_id].source, asset)):
                found[asset.asset_id] = Converted(changed)
    return [found[asset.asset_id] for asset, _ in todo]


def _changed(source: Source, asset: Asset) -> BadInput | None:
    try:
        require_asset(source, asset)
    except BadInput as error:
        return error
    return None


def convert_pictures(jobs: Sequence[PictureJob], max_side_px: int, limits: Limits) -> list[Converted]:
    """Makes the JPEGs, in a child process; one that dies costs the picture that it was at.

    Raises NoSpace, Cancelled.
    """
    found: list[Converted] = []
    while len(found) < len(jobs):
        found += _round(jobs[len(found) :], max_side_px, limits)
    return found


def _round(jobs: Sequence[PictureJob], max_side_px: int, limits: Limits) -> list[Converted]:
    """As far as one child comes, and at least one picture."""
    with tempfile.TemporaryDirectory(dir=jobs[0].target.parent) as made:  # a child writes into one directory
        pictures = [[str(job.source.path), job.kind, f"{made}/{n}.jpg"] for n, job in enumerate(jobs)]
        bounds = {"max_side_px": max_side_px, "max_pixels": limits.max_pixels, "max_pages": limits.max_pages}
        job = {"pictures": pictures, **bounds}
        told = run_job(_PROGRAM, job, limits.for_a_part(), Path(made), [job.source for job in jobs])
        found = [_converted(line, job.source.name) for line, job in zip(told.lines, jobs, strict=False)]
        for (_, _, picture), todo, became, line in zip(pictures, jobs, found, told.lines, strict=False):
            for number in line["pages"] if became.error is None else ():
                Path(page_name(picture, number)).rename(page_name(todo.target, number))
    if len(found) < len(jobs):
        found.append(Converted(_lost(told.too_long, jobs[len(found)].source.name)))
    return found


def _lost(too_long: str, path: str) -> BadInput:
    if too_long:
        return TooLarge(too_long, file=path, remedy="Raise MEDLEY_LIMITS__PART_S if you trust the file")
    return CorruptMedia("its decoder died of it", file=path, remedy="Export it again")


def _converted(found: dict[str, Any], path: str) -> Converted:
    if "too_large" in found:
        remedy = "Raise MEDLEY_LIMITS__MAX_PIXELS if you trust the file"
        return Converted(TooLarge(found["too_large"], file=path, remedy=remedy))
    if "unsupported" in found:
        return Converted(UnsupportedMedia(found["unsupported"], file=path, remedy="Export it as JPEG or TIFF"))
    if "error" in found:
        remedy = "Copy or export it again"
        return Converted(CorruptMedia(f"cannot be decoded: {found['error']}", file=path, remedy=remedy))
    return Converted(None, found.get("damage", ""), tuple(found["notes"]), about_from(found["tags"]))
