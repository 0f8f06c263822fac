"""The one way to run ffmpeg: one forced demuxer, local files only, limits on time, memory, pixels and streams."""

from __future__ import annotations

import re
import resource
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg

from medley.errors import CorruptMedia, TooLarge, ToolMissing, no_space
from medley.media.child import run_child, too_much
from medley.media.source import Source
from medley.setting_groups import Limits
from medley.types import Asset

PROTOCOLS = "file,pipe"
_ADDRESS = re.compile(r"\[[^\]]* @ 0x[0-9a-f]+\] *")


@lru_cache
def ffmpeg_program() -> str:
    """Finds the absolute path of ffmpeg: the one that imageio-ffmpeg carries, else one on PATH. Raises ToolMissing."""
    try:
        return str(Path(imageio_ffmpeg.get_ffmpeg_exe()).absolute())
    except RuntimeError:
        found = shutil.which("ffmpeg")
        if found is None:
            raise ToolMissing("ffmpeg is not there", remedy="Install imageio-ffmpeg or ffmpeg") from None
        return found


def input_of(source: Source, asset: Asset, limits: Limits, **more: Any) -> Any:
    """Builds the input node for ffmpeg-python: the open file, so that a name such as `http:x.mp4` means nothing.

    `-copyts` leaves the times as they are in the file. The caller's filters subtract the container's start.
    """
    return ffmpeg.input(
        f"file:{source.path}",
        f=asset.media.demuxer,
        protocol_whitelist=PROTOCOLS,
        format_whitelist=asset.media.demuxer,
        max_streams=limits.max_streams,
        max_pixels=limits.max_pixels,
        **more,
    )


def run_ffmpeg(output: Any, *, source: Source, cwd: Path, limits: Limits) -> tuple[str, str]:
    """Runs the graph that ends in `output`; output files are named relative to `cwd`.

    Returns what the graph's filters have printed, and ffmpeg's complaints.

    Exit status is no health signal: a damaged file often gives 0, and where the status is not 0, what came out
    before is worth having. Callers look at what came out (`undecodable` is for nothing). Raises TooLarge, NoSpace
    or Cancelled.
    """
    options = ("-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1", "-y")
    compiled: list[str] = ffmpeg.compile(output, cmd=ffmpeg_program())
    filters = cwd / "filters.txt"
    command = [compiled[0], *options, *_with_filters_in(filters, compiled[1:])]
    result = run_child(command, cwd=cwd, limits=limits, file=source.name, sources=[source])
    filters.unlink()
    if any(words in result.stderr for words in ("No space left on device", "Disk quota exceeded")):
        raise no_space(cwd)
    if "File too large" in result.stderr:
        ours = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        raise too_much(limits, source.name) if ours == resource.RLIM_INFINITY else no_space(cwd)
    if "Cannot allocate memory" in result.stderr:
        raise TooLarge(
            f"needs more than {limits.memory_mb} MB to decode",
            file=source.name,
            remedy="Raise MEDLEY_LIMITS__MEMORY_MB if you trust the file",
        )
    return result.stdout, result.stderr + f"ffmpeg ended with {result.returncode}\n" * (result.returncode != 0)


def _with_filters_in(path: Path, arguments: list[str]) -> list[str]:
    """The arguments with the graph in a file: one that names many pictures is too long for a command line."""
    at = arguments.index("-filter_complex")
    path.write_text(arguments[at + 1])
    return [*arguments[:at], "-/filter_complex", path.name, *arguments[at + 2 :]]


def undecodable(what: str, complaints: str, asset: Asset) -> CorruptMedia:
    """Builds the error for an asset of whose `what` ("sound", "picture") nothing came out."""
    return CorruptMedia(
        f"its {what} cannot be decoded: {first_reason(complaints)}",
        file=asset.path,
        remedy="Check that it plays; copy or export it again",
    )


def first_reason(complaints: str) -> str:
    """Returns ffmpeg's first complaint without the addresses of ffmpeg's objects, which differ in every run."""
    lines = (_ADDRESS.sub("", line).strip() for line in complaints.splitlines())
    return next((line[:200] for line in lines if line), "nothing came out")
