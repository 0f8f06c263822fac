"""What a container holds: sounds, pictures, subtitles as text, chapters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: Asks for all tracks of a kind.
ALL = "all"


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """One sound stream of a container that can be decoded.

    `stream` is ffmpeg's index; `language` as the file has it (mostly ISO 639-2), empty where it does not say; `end_s`:
    when it ends by the container's word, in seconds from the container's start, 0.0 where it does not say.
    """

    stream: int
    language: str = ""
    end_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PictureTrack:
    """One stream of pictures that can be decoded; fields as in `MediaInfo`."""

    stream: int
    width_px: int
    height_px: int
    hdr: bool = False
    alpha: bool = False
    unsaid: tuple[str, ...] = ()
    video_s: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "unsaid", tuple(self.unsaid))


@dataclass(frozen=True, slots=True)
class TextTrack:
    """One stream of subtitles that is text, not pictures.

    `stream` is ffmpeg's index; `language` as the file has it (mostly ISO 639-2), empty where it does not say.
    `default`: players show it. `beside`: it is a comment or for those who cannot see. `whole`: it goes with all that is
    said, and is not for a few foreign sentences or signs. `file`: where it is where that is a file beside the video,
    `digest` the SHA-256 of what was in it.
    """

    stream: int
    language: str = ""
    title: str = ""
    default: bool = False
    beside: bool = False
    whole: bool = False
    file: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A named part of a recording; times in seconds from the container's start."""

    start_s: float
    end_s: float
    title: str


def marks(track: int) -> tuple[str, ...]:
    """Marks a record with the number of its track; not where only one is read."""
    return (f"track:{track}",) if track else ()


def track_in(known: Iterable[str]) -> int | None:
    """Reads the number of the track from the marks of a record."""
    return next((int(one.partition(":")[2]) for one in known if one.startswith("track:")), None)
