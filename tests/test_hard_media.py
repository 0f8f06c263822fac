"""Hard media through the media layer alone: probe, sound, frames. No model, so every case of the tables is quick."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medley.media.audio import SAMPLE_RATE_HZ, WAV, extract_audio, read_samples
from medley.media.frames import sample_frames
from medley.media.probe import probe_media
from medley.options import FrameOptions
from medley.settings import Limits
from medley.types import Asset
from tests.conftest import SAMPLE
from tests.fakes import asset_id
from tests.hard.case import Case
from tests.hard.formats import SOUNDS, VIDEOS
from tests.hard.properties import PROPERTIES
from tests.media import ffmpeg

LIMITS = Limits()
SECONDS = 5


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of the sample without loss: a red circle; speech from 0.5 s to 3.5 s or so."""
    path = tmp_path_factory.mktemp("hard") / "base.mkv"
    small = ("-t", SECONDS, "-vf", "scale=320:180", "-ar", 16_000, "-ac", 1)
    ffmpeg("-i", SAMPLE, *small, "-c:v", "ffv1", "-c:a", "pcm_s16le", path)
    return path


def heard(asset: Asset, directory: Path) -> bool:
    """Whether something is said where the base says something, and nothing far behind it."""
    length_s = extract_audio(asset, directory, LIMITS)
    samples = read_samples(directory / WAV)
    assert length_s <= SECONDS + 3.5
    loud = np.abs(samples[SAMPLE_RATE_HZ : 3 * SAMPLE_RATE_HZ])
    return bool(loud.size and loud.mean() > 0.004)


def redness(picture: Path) -> tuple[float, float]:
    """Share of red pixels, and how broad the red is for its height."""
    with Image.open(picture) as image:
        red, green, blue = (np.asarray(image.convert("RGB"), np.int16)[..., channel] for channel in range(3))
    mask = (red > 120) & (red - green > 70) & (red - blue > 70)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(mask.mean()), float(np.ptp(columns) / np.ptp(rows)) if rows.size > 1 else 0.0


@pytest.mark.parametrize("case", [*VIDEOS, *SOUNDS, *PROPERTIES], ids=lambda case: case.name)
def test_sound_and_picture_come_through(base: Path, tmp_path: Path, case: Case) -> None:
    path = tmp_path / case.name
    case.make(base, path)
    asset = Asset(asset_id(case.name), str(path), path.stat().st_size, probe_media(path, LIMITS))
    made = tmp_path / "made"
    made.mkdir()
    if case.heard:
        assert heard(asset, made)
    if asset.media.video_stream is None:
        assert not case.seen
        return
    frames = sample_frames(asset, made, FrameOptions(), LIMITS)
    assert all(0 <= frame.time_s <= max(SECONDS + 3.5, asset.media.duration_s) for frame in frames)
    if case.seen:
        share, breadth = redness(made / frames[0].image)
        assert 0.01 < share < 0.3
        assert 0.85 < breadth < 1.18, "a circle is as broad as it is high"
