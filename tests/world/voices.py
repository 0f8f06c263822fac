"""The voices of the small world, spoken by the Debian programs espeak-ng and flite."""

from __future__ import annotations

import math
import random
import shutil
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped,unused-ignore]
import numpy as np
import numpy.typing as npt
import scipy.signal

SAMPLE_RATE_HZ = 16_000
Samples = npt.NDArray[np.float32]

_ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-029", "en-gb-x-rp")
_VARIANTS = ("", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4")
_GERMAN = "de"
_FLITE = ("kal16", "slt", "awb", "rms")
# What flite speaks at a stretch of 1, near enough; it knows no words a minute.
_FLITE_WPM = 160


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Voice:
    """A way to speak. `variant` is empty or one of espeak-ng's ("m3"); flite ignores `variant` and `pitch`."""

    engine: str
    name: str
    variant: str = ""
    speed_wpm: int = 160
    pitch: int = 50

    def __post_init__(self) -> None:
        if self.engine not in ("espeak-ng", "flite"):
            raise ValueError(f"engine {self.engine!r} is neither 'espeak-ng' nor 'flite'")
        if not 80 <= self.speed_wpm <= 300 or not 0 <= self.pitch <= 99:
            raise ValueError(f"speed {self.speed_wpm} wpm (80 to 300) or pitch {self.pitch} (0 to 99) is out of range")

    def __str__(self) -> str:
        name = f"{self.name}+{self.variant}" if self.variant else self.name
        return f"{self.engine} {name} {self.speed_wpm} wpm pitch {self.pitch}"


def all_voices() -> tuple[Voice, ...]:
    """Every voice of the world once, at a middling speed and pitch: 60 of espeak-ng, then 4 of flite."""
    espeak = [Voice("espeak-ng", accent, variant) for accent in _ACCENTS for variant in _VARIANTS]
    return (*espeak, *(Voice("flite", name) for name in _FLITE))


def random_voice(rng: random.Random) -> Voice:
    """A voice of the world: one in four is flite's, the others vary in speed (135 to 185 wpm) and pitch (30 to 70)."""
    if rng.random() < 0.25:
        return Voice("flite", rng.choice(_FLITE))
    return Voice("espeak-ng", rng.choice(_ACCENTS), rng.choice(_VARIANTS), rng.randint(135, 185), rng.randint(30, 70))


def random_german_voice(rng: random.Random) -> Voice:
    """A voice that speaks German: of espeak-ng, as varied as the English ones."""
    return Voice("espeak-ng", _GERMAN, rng.choice(_VARIANTS), rng.randint(135, 185), rng.randint(30, 70))


def language_of(voice: str) -> str:
    """Which language a voice speaks, by what it is called: "en" or "de"."""
    return "de" if voice.split()[1].partition("+")[0] == _GERMAN else "en"


def synthesisers_installed() -> bool:
    """Whether both espeak-ng and flite are on the PATH."""
    return all(shutil.which(program) for program in ("espeak-ng", "flite"))


def say(text: str, voice: Voice) -> Samples:
    """Speaks `text`: float32 samples from -1 to 1, mono, 16 kHz, with the synthesiser's silence around them.

    Raises FileNotFoundError where the synthesiser is missing, subprocess.CalledProcessError where it fails.
    """
    with tempfile.TemporaryDirectory() as directory:
        spoken = Path(directory) / "spoken.wav"
        subprocess.run(_command(text, voice, spoken), check=True, capture_output=True, timeout=60)
        with wave.open(str(spoken), "rb") as file:
            rate_hz = file.getframerate()
            integers = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    samples = (integers / 32768).astype(np.float32)
    step = math.gcd(SAMPLE_RATE_HZ, rate_hz)
    return scipy.signal.resample_poly(samples, SAMPLE_RATE_HZ // step, rate_hz // step).astype(np.float32)


def ffmpeg(*arguments: str) -> list[str]:
    """The command line of the packaged ffmpeg, quiet, overwriting, and the same bytes for the same input."""
    program = str(imageio_ffmpeg.get_ffmpeg_exe())
    *rest, out = arguments
    quiet = ["-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    return [program, *quiet, *rest, "-fflags", "+bitexact", "-map_metadata", "-1", out]


def _command(text: str, voice: Voice, out_wav: Path) -> list[str]:
    if voice.engine == "flite":
        stretch = f"duration_stretch={_FLITE_WPM / voice.speed_wpm:.3f}"
        return ["flite", "-voice", voice.name, "--setf", stretch, "-t", text, "-o", str(out_wav)]
    name = f"{voice.name}+{voice.variant}" if voice.variant else voice.name
    options = ["-v", name, "-s", str(voice.speed_wpm), "-p", str(voice.pitch), "-w", str(out_wav)]
    return ["espeak-ng", *options, "--", text]
