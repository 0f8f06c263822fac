"""What a container holds besides sound and pictures: subtitles as text, chapters."""

from __future__ import annotations

from dataclasses import dataclass


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
