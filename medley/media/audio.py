"""The sound of a container as one mono WAV on the common clock."""

from __future__ import annotations

import wave
from pathlib import Path

import ffmpeg
import numpy as np

from medley.errors import CorruptMedia
from medley.media.ffmpeg import run_ffmpeg, source
from medley.models.base import Vectors
from medley.settings import Limits
from medley.types import Asset

SAMPLE_RATE_HZ = 16_000
WAV = "audio.wav"


def extract_audio(asset: Asset, directory: Path, limits: Limits) -> float:
    """Writes `audio.wav` (16 kHz, mono, 16 bit) into `directory`; sample 0 is the container's start.

    Sound that begins later is padded with silence, a gap in it stays a gap. Returns the length in seconds; raises
    CorruptMedia where nothing can be decoded.
    """
    stream = source(asset, limits, copyts=None)[str(asset.media.audio_stream)]
    rebased = stream.filter("asetpts", f"PTS-({asset.media.start_s:.6f}/TB)")
    padded = rebased.filter("aresample", SAMPLE_RATE_HZ, **{"async": 1, "first_pts": 0})
    out = ffmpeg.output(padded, WAV, ac=1, acodec="pcm_s16le", f="wav", map_metadata=-1)
    complaints = run_ffmpeg(out, asset=asset, cwd=directory, limits=limits)
    with wave.open(str(directory / WAV)) as wav:
        frames: int = wav.getnframes()
    if not frames:
        raise CorruptMedia(
            f"its sound cannot be decoded: {complaints.strip() or 'no samples came out'}",
            file=asset.path,
            remedy="Check that it plays; copy or export it again",
        )
    return float(frames / SAMPLE_RATE_HZ)


def read_samples(path: Path) -> Vectors:
    """The samples of a WAV that `extract_audio` wrote: float32, shape (n,), -1..1."""
    with wave.open(str(path)) as wav:
        raw = wav.readframes(wav.getnframes())
    return np.frombuffer(raw, dtype="<i2").astype(np.float32) / np.float32(32768.0)
