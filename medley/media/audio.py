"""The sound of a container as one mono WAV on the common clock."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ffmpeg
import numpy as np

from medley.errors import UnsupportedMedia
from medley.media.damage import damage_of
from medley.media.ffmpeg import input_of, run_ffmpeg, undecodable
from medley.media.source import asset_source
from medley.models.base import Vectors
from medley.settings import Limits
from medley.types import Asset, MediaInfo, SoundTrack

SAMPLE_RATE_HZ = 16_000
WAV = "audio.wav"
_PIECE = 330 * SAMPLE_RATE_HZ
_SEARCHED = 30 * SAMPLE_RATE_HZ
_SLACK_S = 0.5  # encoders pad and trim by some thousand samples


@dataclass(frozen=True, slots=True)
class Sound:
    """What came out: its length in seconds, and what is lost, empty where nothing is."""

    length_s: float
    damage: str


def extract_audio(asset: Asset, directory: Path, limits: Limits, track: str | None = None) -> Sound:
    """Writes `audio.wav` (16 kHz, mono, 16 bit) into `directory`; sample 0 is the container's start.

    Sound that begins later is padded with silence, a gap in it stays a gap. `track` as in `SpeechOptions`. Raises
    UnsupportedMedia where there is no such track, CorruptMedia where nothing can be decoded.
    """
    heard = _track(asset, track)
    with asset_source(asset) as opened:
        stream = input_of(opened, asset, limits, copyts=None)[str(heard.stream)]
        rebased = stream.filter("asetpts", f"PTS-({asset.media.start_s:.6f}/TB)")
        padded = rebased.filter("aresample", SAMPLE_RATE_HZ, **{"async": 1, "first_pts": 0})
        out = ffmpeg.output(padded, WAV, ac=1, acodec="pcm_s16le", f="wav", map_metadata=-1)
        complaints = run_ffmpeg(out, source=opened, cwd=directory, limits=limits)
    length_s = _length_s(directory / WAV)
    if not length_s:
        raise undecodable("sound", complaints, asset)
    lost = damage_of("sound", decoded_s=length_s, declared_s=heard.end_s, slack_s=_SLACK_S, complaints=complaints)
    return Sound(length_s, lost)


def _track(asset: Asset, wanted: str | None) -> SoundTrack:
    media: MediaInfo = asset.media
    for number, track in enumerate(media.tracks, 1):
        if track.stream == media.audio_stream if wanted is None else wanted in (str(number), track.language):
            return track
    there = ", ".join(f"{n}{f' ({t.language})' if t.language else ''}" for n, t in enumerate(media.tracks, 1))
    raise UnsupportedMedia(
        f"has no sound track {wanted}, only {there}",
        file=asset.path,
        remedy="Give one of these with --speech.track, or leave it out",
    )


def _length_s(path: Path) -> float:
    try:
        with wave.open(str(path)) as wav:
            return float(wav.getnframes() / SAMPLE_RATE_HZ)
    except (OSError, EOFError, wave.Error):  # ffmpeg gave up before the header
        return 0.0


def read_pieces(path: Path) -> Iterator[tuple[float, Vectors]]:
    """A WAV that `extract_audio` wrote, in pieces of five minutes or so, so that memory does not grow with its length.

    Each as its start in seconds and its samples: float32, shape (n,), -1..1. Cut where it is quietest.
    """
    with wave.open(str(path)) as wav:
        begun, samples = 0, _read(wav, _PIECE)
        while len(samples) == _PIECE:
            cut = _quietest(samples)
            yield begun / SAMPLE_RATE_HZ, samples[:cut]
            begun += cut
            samples = np.concatenate([samples[cut:], _read(wav, cut)])
        if len(samples):
            yield begun / SAMPLE_RATE_HZ, samples


def _read(wav: wave.Wave_read, count: int) -> Vectors:
    return np.frombuffer(wav.readframes(count), dtype="<i2").astype(np.float32) / np.float32(32768.0)


def _quietest(samples: Vectors) -> int:
    """The middle of the quietest half second in the last half minute."""
    half_second = SAMPLE_RATE_HZ // 2
    searched = samples[-_SEARCHED:].reshape(-1, half_second // 2)
    loudness = np.square(searched).mean(axis=1)
    quietest = int(np.argmin(loudness[:-1] + loudness[1:]))
    return len(samples) - _SEARCHED + (quietest + 1) * (half_second // 2)
