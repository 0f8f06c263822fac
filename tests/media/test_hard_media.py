"""Hard media through the media layer alone: probe, sound, frames. No model, so every case of the tables is quick."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medley.errors import BadInput, CorruptMedia
from medley.media.audio import SAMPLE_RATE_HZ, WAV, extract_audio
from medley.media.frames import sample_frames
from medley.media.probe import probe_media
from medley.options import FrameOptions
from medley.setting_groups import Limits
from medley.types import Asset
from tests.fakes import asset_id
from tests.hard.case import Case, make_base
from tests.hard.damage import CUT_OFF, DAMAGED, MISNAMED
from tests.hard.formats import SOUNDS, VIDEOS
from tests.hard.properties import PROPERTIES
from tests.variants import read_samples

LIMITS = Limits()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See `make_base`."""
    path = tmp_path_factory.mktemp("hard") / "base.mkv"
    make_base(path)
    return path


def probed(path: Path) -> Asset:
    return Asset(asset_id(path.name), str(path), path.stat().st_size, probe_media(path, LIMITS))


def is_heard(wav: Path) -> bool:
    """Whether something is said where the base says something."""
    loud = np.abs(read_samples(wav)[SAMPLE_RATE_HZ : 3 * SAMPLE_RATE_HZ])
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
    asset = probed(path)
    made = tmp_path / "made"
    made.mkdir()
    if case.heard:
        sound = extract_audio(asset, made, LIMITS)
        assert sound.damage == ""
        assert sound.length_s <= case.seconds + 0.7
        assert is_heard(made / WAV)
    if asset.media.video_stream is None:
        assert not case.seen
        return
    pictures = sample_frames(asset, made, FrameOptions(), LIMITS)
    assert pictures.damage == ""
    assert all(0 <= frame.time_s <= case.seconds + 0.7 for frame in pictures.frames)
    if case.seen:
        share, breadth = redness(made / pictures.frames[0].image)
        assert 0.01 < share < 0.3
        assert 0.85 < breadth < 1.18, "a circle is as broad as it is high"


def _new(directory: Path) -> Path:
    directory.mkdir(parents=True)
    return directory


def outcome(path: Path, made: Path) -> tuple[str, list[str]]:
    """`complete`, `partial` or `failed`, as a run would have it, and why."""
    try:
        asset = probed(path)
    except BadInput as error:
        return "failed", [f"{type(error).__name__} {error}"]
    found: list[str] = []
    whys: list[str] = []
    for stream, work in (
        (asset.media.audio_stream, lambda: extract_audio(asset, _new(made / "sound"), LIMITS)),
        (asset.media.video_stream, lambda: sample_frames(asset, _new(made / "frames"), FrameOptions(), LIMITS)),
    ):
        try:
            damage = work().damage if stream is not None else ""
            found.append("something")
        except CorruptMedia as error:
            damage = str(error)
        whys += [f"CorruptMedia {damage}"] if damage else []
    return ("partial" if found else "failed") if whys else "complete", whys


@pytest.mark.parametrize("case", [*CUT_OFF, *DAMAGED, *MISNAMED], ids=lambda case: case.name)
def test_what_is_there_is_recovered_and_what_is_lost_is_said(base: Path, tmp_path: Path, case: Case) -> None:
    path, made = tmp_path / case.name, tmp_path / "made"
    case.make(base, path)
    status, whys = outcome(path, made)
    assert status in case.status.split("|"), whys
    assert (status == "complete") == (not whys)
    if case.error:
        assert any(why.startswith(case.error) for why in whys), whys
    assert any(case.says in why for why in whys) or not case.says, whys
    if case.heard and status != "failed":
        assert is_heard(made / "sound" / WAV)
    if case.seen and status != "failed":
        assert redness(made / "frames" / "000001.jpg")[0] > 0.01
