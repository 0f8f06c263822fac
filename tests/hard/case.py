"""One hard file: how it is made and how it is to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import SAMPLE
from tests.variants import ffmpeg

SECONDS = 5.0

#: Makes a file from the base clip: five seconds of a red circle, in which one sentence is spoken.
Make = Callable[[Path, Path], None]


@dataclass(frozen=True, slots=True)
class Case:
    """`heard` and `seen` say whether the base's sentence and picture must be found in what comes out."""

    name: str
    make: Make
    status: str = "complete"
    heard: bool = True
    seen: bool = True
    error: str = ""  #: class of the error, where there is one
    says: str = ""  #: words that its message must contain
    seconds: float = SECONDS  #: how long it lasts, at most


def make_base(path: Path) -> None:
    """Five seconds of the sample without loss: a red circle; speech from 0.5 s to 3.5 s or so."""
    small = ("-t", SECONDS, "-vf", "scale=320:180", "-ar", 16_000, "-ac", 1)
    ffmpeg("-i", SAMPLE, *small, "-c:v", "ffv1", "-c:a", "pcm_s16le", path)


def encoded(*options: object) -> Make:
    """The base, encoded with these ffmpeg options."""

    def make(base: Path, out: Path) -> None:
        ffmpeg("-i", base, *options, out)

    return make


def changed(make: Make, change: Callable[[bytes], bytes]) -> Make:
    """A made file with other bytes."""

    def damage(base: Path, out: Path) -> None:
        make(base, out)
        out.write_bytes(change(out.read_bytes()))

    return damage


def bytes_of(content: bytes) -> Make:
    """A file with this content."""
    return lambda _, out: (out.write_bytes(content), None)[1]
