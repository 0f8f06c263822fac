"""Variants of a media file, cut by ffmpeg."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from medley.media.audio import pieces_of, read_piece
from medley.media.ffmpeg import ffmpeg_program
from medley.models.base import Vectors


def ffmpeg(*arguments: object) -> None:
    """Runs ffmpeg; its complaints are in the exception."""
    command = [ffmpeg_program(), "-hide_banner", "-loglevel", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def without_sound(source: Path, target: Path) -> None:
    """The picture alone."""
    ffmpeg("-i", source, "-map", "0:v", "-c", "copy", target)


def without_picture(source: Path, target: Path) -> None:
    """The sound alone."""
    ffmpeg("-i", source, "-map", "0:a", "-c", "copy", target)


def first_seconds(source: Path, target: Path, seconds: float) -> None:
    """The beginning, encoded anew so that it ends where it says."""
    ffmpeg("-i", source, "-t", seconds, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", target)


def cut(source: Path, target: Path, *, start_s: float, seconds: float) -> None:
    """A piece out of the middle; its title keeps two silent pieces of the same slide apart."""
    encoders = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
    ffmpeg("-ss", start_s, "-i", source, "-t", seconds, *encoders, "-metadata", f"title={target.name}", target)


def without_index(source: Path) -> bytes:
    """The first half of an mp4 whose index would come last: a recording that was cut off."""
    content = source.read_bytes()
    head = content[: 8 + int.from_bytes(content[:4], "big") - 8]  # the ftyp box
    return head + content[content.index(b"mdat") - 4 :][: len(content) // 2]


def read_samples(wav: Path) -> Vectors:
    """All samples of a WAV of ours."""
    return np.concatenate(list(map(read_piece, pieces_of(wav))))
