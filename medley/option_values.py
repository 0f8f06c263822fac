"""Values that options choose from."""

from __future__ import annotations

from enum import StrEnum


class Profile(StrEnum):
    """Which checkpoints a run uses (see medley/models/profiles.py)."""

    AUTO = "auto"
    DEMO = "demo"
    CPU = "cpu"
    GPU = "gpu"


class SubtitleUse(StrEnum):
    """What becomes of the subtitles in a file."""

    PREFER = "prefer"
    BESIDE = "beside"
    IGNORE = "ignore"


class SpeechTask(StrEnum):
    """What is written down of speech."""

    TRANSCRIBE = "transcribe"
    TRANSLATE = "translate"


class Ocr(StrEnum):
    """What is read by optical character recognition."""

    AUTO = "auto"
    OFF = "off"
    ALWAYS = "always"


class ShotTimes(StrEnum):
    """How well it is known when shots begin."""

    EXACT = "exact"
    ROUGH = "rough"
