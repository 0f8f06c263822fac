"""Pictures of all kinds as JPEGs of ours: upright, sRGB, no larger than a model looks at."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medley.errors import BadInput, CorruptMedia, TooLarge, no_space
from medley.media.child import ChildResult, run_child
from medley.media.picture_child import NO_SPACE_EXIT
from medley.settings import Limits

#: What the copy of a picture is called in its artifact.
PICTURE = "picture.jpg"
_PROGRAM = Path(__file__).with_name("picture_child.py")


@dataclass(frozen=True, slots=True)
class PictureJob:
    """One picture: where it is, its format as Pillow calls it, and the JPEG to make of it."""

    path: str
    kind: str
    target: Path


def convert_pictures(jobs: Sequence[PictureJob], max_side_px: int, limits: Limits) -> list[BadInput | None]:
    """Makes the JPEGs; what is wrong with each picture, None where nothing is.

    In a child process; one that dies costs the picture that it was at. Raises Cancelled when the run is stopped.
    """
    found: list[BadInput | None] = []
    while len(found) < len(jobs):
        found += _round(jobs[len(found) :], max_side_px, limits)
    return found


def _round(jobs: Sequence[PictureJob], max_side_px: int, limits: Limits) -> list[BadInput | None]:
    """As far as one child comes, and at least one picture."""
    with tempfile.TemporaryDirectory() as directory:
        job, done = Path(directory, "job.json"), Path(directory, "done.jsonl")
        pictures = [[job.path, job.kind, str(job.target)] for job in jobs]
        limit = {"max_side_px": max_side_px, "max_pixels": limits.max_pixels, "done": str(done)}
        job.write_text(json.dumps({**limit, "pictures": pictures}))
        command = [sys.executable, "-I", str(_PROGRAM), str(job)]
        died: BadInput = CorruptMedia("its decoder died of it", remedy="Export it again")
        try:
            child = run_child(command, cwd=Path(directory), limits=limits, file="")
        except TooLarge as error:
            died = error
        else:
            _check_installation(child, jobs[0].target)
        lines = done.read_text().splitlines() if done.exists() else []
    found = [_error(json.loads(line), job.path) for line, job in zip(lines, jobs, strict=False)]
    if len(found) < len(jobs):
        died.file = jobs[len(found)].path
        found.append(died)
    return found


def _check_installation(child: ChildResult, target: Path) -> None:
    """What is no fault of any picture."""
    if child.returncode == NO_SPACE_EXIT:
        raise no_space(target.parent)
    if child.returncode > 0:  # a program error of ours: decoders that die are killed by a signal
        raise RuntimeError(f"{_PROGRAM.name} ended with {child.returncode}: {child.stderr}")


def _error(found: dict[str, str], path: str) -> BadInput | None:
    if "too_large" in found:
        return TooLarge(found["too_large"], file=path, remedy="Raise MEDLEY_LIMITS__MAX_PIXELS if you trust the file")
    if "error" in found:
        return CorruptMedia(f"cannot be decoded: {found['error']}", file=path, remedy="Copy or export it again")
    return None
