"""Frames worth having: duplicates, blank and blurred pictures, shots."""

from __future__ import annotations

import random
from pathlib import Path

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFilter
import PIL.ImageFont
import pytest

from medley.media.frame_quality import FrameStats
from medley.media.frames import read_frames, sample_frames, shots_of
from medley.media.probe import probe_media
from medley.options import FrameOptions
from medley.setting_groups import Limits
from medley.types import Asset
from tests.conftest import SAMPLE
from tests.fakes import asset_id
from tests.variants import ffmpeg
from tests.world.truth import VideoTruth

LINES = ("weather", "music", "science", "history", "money", "health", "energy", "water", "food")


def slide(lines: int) -> PIL.Image.Image:
    """A slide as people make them: 1280 x 720, one line more each time."""
    image = PIL.Image.new("RGB", (1280, 720), (250, 250, 248))
    pen = PIL.ImageDraw.Draw(image)
    for number, line in enumerate(LINES[:lines]):
        pen.text((90, 60 + 66 * number), line, fill=(30, 30, 40), font=PIL.ImageFont.load_default(32))
    return image


def saved(image: PIL.Image.Image, path: Path) -> Path:
    image.save(path, quality=90)
    return path


def test_slides_that_differ_by_one_line_are_all_kept(tmp_path: Path) -> None:
    for number in range(1, len(LINES) + 1):
        slide(number).save(tmp_path / f"{number:03d}.png")
    video = tmp_path / "slides.mp4"
    encode = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", 26, "-pix_fmt", "yuv420p", "-r", 10)
    ffmpeg("-framerate", "1/3", "-i", tmp_path / "%03d.png", *encode, video)
    asset = Asset(asset_id("s"), str(video), video.stat().st_size, probe_media(video, Limits()))
    made = tmp_path / "made"
    made.mkdir()
    frames = sample_frames(asset, made, FrameOptions(), Limits()).frames
    assert [round(frame.time_s / 3) for frame in frames] == list(range(len(LINES)))


@pytest.mark.parametrize("colour", ["black", "white", "#204060"])
def test_blank_frames_are_marked(tmp_path: Path, colour: str) -> None:
    plain = PIL.Image.new("RGB", (640, 360), colour)
    rng = random.Random(1)
    noisy = plain.copy()
    noisy.putdata(
        [tuple(max(0, min(255, c + rng.randint(-3, 3))) for c in pixel) for pixel in plain.get_flattened_data()]
    )
    for image in (plain, noisy):
        look = FrameStats(saved(image, tmp_path / "a.jpg"))
        assert look.blank
        assert not look.blurred
    assert not FrameStats(saved(slide(1), tmp_path / "b.jpg")).blank


def test_blurred_frames_are_marked(tmp_path: Path) -> None:
    sharp = slide(6)
    assert not FrameStats(saved(sharp, tmp_path / "a.jpg")).blurred
    out_of_focus = sharp.filter(PIL.ImageFilter.GaussianBlur(24))
    look = FrameStats(saved(out_of_focus, tmp_path / "b.jpg"))
    assert look.blurred
    assert not look.blank


def test_shots_of_the_sample(tmp_path: Path, sample_truth: VideoTruth) -> None:
    asset = Asset(asset_id("x"), str(SAMPLE), SAMPLE.stat().st_size, probe_media(SAMPLE, Limits()))
    pictures = sample_frames(asset, tmp_path, FrameOptions(), Limits())
    assert len(pictures.shots) == len(sample_truth.scenes)
    for (start_s, end_s), scene in zip(pictures.shots, sample_truth.scenes, strict=True):
        assert abs(start_s - scene.start_s) <= 0.04
        assert abs(end_s - scene.end_s) <= 1.05
    assert shots_of(tmp_path) == pictures.shots
    assert read_frames(tmp_path) == pictures.frames
    assert not any(frame.blank or frame.blurred for frame in pictures.frames)
