"""Which of many channels and tracks is heard."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medley.errors import CorruptMedia
from medley.media import audio
from medley.media.mixing import Mixer
from medley.media.probe import probe_media
from tests.media.test_time_line import LIMITS, X264, heard, loudness, scene
from tests.variants import ffmpeg


def test_what_cancels_out_is_heard(tmp_path: Path) -> None:
    scene(tmp_path / "a.wav", "red", more=("-vn", "-af", "pan=stereo|c0=c0|c1=-1*c0", "-c:a", "pcm_s16le"))
    sound, made = heard(tmp_path / "a.wav")
    assert (loudness(made) > 0.05).all()
    assert sound.notes == ()


@pytest.mark.parametrize(("channels", "voice"), [(3, 2), (6, 3), (60, 40)])
def test_a_voice_on_any_channel(tmp_path: Path, channels: int, voice: int) -> None:
    rate, seconds = 48_000, 2
    tone = (np.sin(np.arange(rate * seconds) * 0.06) * 12_000).astype("<i2")
    samples = np.zeros((len(tone), channels), "<i2")
    samples[:, voice] = tone
    head = b"RIFF" + (36 + samples.nbytes).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    form = (1, channels, rate, rate * channels * 2, channels * 2, 16)
    head += b"".join(value.to_bytes(size, "little") for value, size in zip(form, (2, 2, 4, 4, 2, 2), strict=True))
    (tmp_path / "a.wav").write_bytes(head + b"data" + samples.nbytes.to_bytes(4, "little") + samples.tobytes())
    _, made = heard(tmp_path / "a.wav")
    assert (loudness(made) > 0.15).all(), "at its own level"


def test_a_mix_keeps_its_level() -> None:
    mixer = Mixer()
    tone = np.sin(np.arange(16_000, dtype=np.float32) * 0.1)
    assert np.abs(mixer.mixed(np.stack([tone, tone]))).max() == pytest.approx(1, abs=0.01)
    assert np.abs(mixer.mixed(np.stack([tone, np.zeros_like(tone)]))).max() > 0.45
    assert np.abs(mixer.mixed(np.zeros((2, 16), np.float32))).max() == 0


def two_tracks(path: Path, first: str, *more: str) -> Path:
    """A track of `first`, one of a tone."""
    ffmpeg(
        "-f", "lavfi", "-i", "color=red:s=320x180:r=10:d=3", "-f", "lavfi", "-i", first,
        "-f", "lavfi", "-i", "sine=frequency=440:d=3", "-map", "0", "-map", "1", "-map", "2", "-t", "3",
        *X264, "-c:a", "aac", *more, path,
    )  # fmt: skip
    return path


def test_a_comment_is_not_the_main_track(tmp_path: Path) -> None:
    dispositions = ("-disposition:a:0", "comment", "-disposition:a:1", "0")
    path = two_tracks(tmp_path / "a.mkv", "anullsrc", *dispositions)
    assert probe_media(path, LIMITS).audio_stream == 2
    assert heard(path)[0].notes == ("sound track 2 of 2 is heard (--speech.track)",)
    assert heard(path, "2")[0].notes == (), "somebody has chosen it"


def test_a_silent_track_beside_a_spoken_one(tmp_path: Path) -> None:
    path = two_tracks(tmp_path / "a.mkv", "anullsrc", "-disposition:a:0", "default", "-disposition:a:1", "0")
    sound, made = heard(path)
    assert sound.notes == ("sound track 1 is silence; track 2 is heard",)
    assert (loudness(made)[:2] > 0.05).all()
    assert heard(path, "1")[0].notes == ("its sound is silence",)


def test_all_tracks_have_a_recording_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = two_tracks(tmp_path / "a.mkv", "sine=frequency=300:d=3")
    sound, made = heard(path, "all")
    assert [(number, where.name) for number, where in audio.recordings_in(made)] == [(1, "1"), (2, "2")]
    assert (sound.damage, sound.notes) == ("", ())
    assert sound.length_s == pytest.approx(3, abs=0.1)

    decoded = audio._decoded

    def first_is_broken(source: Any, asset: Any, track: Any, *more: Any) -> dict[str, Any]:
        if track == asset.media.tracks[0]:
            raise CorruptMedia("cannot be decoded", file=asset.path, remedy="Copy it again")
        return decoded(source, asset, track, *more)

    monkeypatch.setattr(audio, "_decoded", first_is_broken)
    shutil.rmtree(made)
    sound, made = heard(path, "all")
    assert [number for number, _ in audio.recordings_in(made)] == [2]
    assert sound.damage == "sound track 1 cannot be decoded", "and the file is partial"


def test_of_silent_tracks_one_is_kept(tmp_path: Path) -> None:
    path = two_tracks(tmp_path / "a.mkv", "anullsrc")
    assert [number for number, _ in audio.recordings_in(heard(path, "all")[1])] == [2]
    ffmpeg("-f", "lavfi", "-i", "anullsrc", "-map", "0", "-map", "0", "-t", "2", "-c:a", "aac", tmp_path / "b.mka")
    shutil.rmtree(tmp_path / "sound")
    sound, made = heard(tmp_path / "b.mka", "all")
    assert ([number for number, _ in audio.recordings_in(made)], sound.notes) == ([1], ("its sound is silence",))
