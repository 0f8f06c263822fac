"""Pictures of all kinds as JPEGs of ours: upright, sRGB, no larger than a model looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medley.errors import BadInput, CorruptMedia, TooLarge, UnsupportedMedia
from medley.media.job import run_job
from medley.media.sniff import sniff
from medley.settings import Limits

#: What the copy of a picture is called in its artifact.
PICTURE = "picture.jpg"
_PROGRAM = Path(__file__).with_name("picture_child.py")  # not imported: it loads Pillow's plugins


@dataclass(frozen=True, slots=True)
class PictureJob:
    """One picture: where it is, its format as Pillow calls it, and the JPEG to make of it."""

    path: str
    kind: str
    target: Path


def convert_picture(path: Path, target: Path, max_side_px: int, limits: Limits) -> None:
    """Makes one JPEG of a picture file. Raises BadInput."""
    found = sniff(path)
    if found.flow != "image":
        raise UnsupportedMedia(f"is no picture but {found.media_type}", file=str(path), remedy="Give a picture")
    [error] = convert_pictures([PictureJob(str(path), found.demuxer, target)], max_side_px, limits)
    if error:
        raise error


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
    pictures = [[job.path, job.kind, str(job.target)] for job in jobs]
    job = {"pictures": pictures, "max_side_px": max_side_px, "max_pixels": limits.max_pixels}
    told = run_job(_PROGRAM, job, limits.for_a_part(), jobs[0].target.parent)
    found = [_error(line, job.path) for line, job in zip(told.lines, jobs, strict=False)]
    if len(found) < len(jobs):
        found.append(_lost(told.too_long, jobs[len(found)].path))
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
