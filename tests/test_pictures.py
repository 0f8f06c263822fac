"""Pictures of all kinds as JPEGs of ours, and what is wrong with some of them."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from medley.errors import CorruptMedia, NoSpace, TooLarge
from medley.media.pictures import PictureJob, convert_pictures
from medley.media.sniff import sniff
from medley.settings import Limits
from tests.documents import picture

LIMITS = Limits()
pillow_heif.register_heif_opener()


def converted(path: Path, side: int = 1280, limits: Limits = LIMITS) -> Image.Image:
    """Our copy of a picture."""
    target = path.with_suffix(".ours.jpg")
    [error] = convert_pictures([PictureJob(str(path), sniff(path).demuxer, target)], side, limits)
    if error:
        raise error
    with Image.open(target) as ours:
        return ours.copy()


def middle(image: Image.Image) -> Any:
    return image.getpixel((image.width // 2, image.height // 2))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"])
def test_every_format(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "renamed.txt"  # the content tells, not the name
    picture().save(path, kind)
    ours = converted(path)
    assert (ours.mode, ours.size) == ("RGB", (320, 240))
    red, green, blue = middle(ours)
    assert (red > 200, green < 60, blue < 60) == (True, True, True)


def sixteen_bits() -> Image.Image:
    ramp = np.linspace(0, 65_535, 100 * 100).reshape(100, 100).astype(np.uint16)
    return Image.fromarray(ramp)


@pytest.mark.parametrize(
    ("made", "kind", "seen"),
    [
        (Image.new("RGBA", (40, 30), (255, 0, 0, 0)), "PNG", (255, 255, 255)),
        (Image.new("LA", (40, 30), (0, 0)), "PNG", (255, 255, 255)),
        (Image.new("CMYK", (40, 30), (0, 255, 255, 0)), "JPEG", (255, 0, 0)),
        (Image.new("P", (40, 30), 0), "GIF", (0, 0, 0)),
        (Image.new("1", (40, 30), 1), "TIFF", (255, 255, 255)),
        (sixteen_bits(), "PNG", (128, 128, 128)),
    ],
)
def test_every_mode_becomes_plain_rgb(tmp_path: Path, made: Image.Image, kind: str, seen: tuple[int, ...]) -> None:
    made.save(tmp_path / "a", kind)
    assert middle(converted(tmp_path / "a")) == pytest.approx(seen, abs=6)


def test_the_camera_says_which_way_is_up(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    picture((320, 100)).save(tmp_path / "a.jpg", exif=exif)
    assert converted(tmp_path / "a.jpg").size == (100, 320)


def test_only_the_first_of_many_frames(tmp_path: Path) -> None:
    frames = [picture(colour=colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert middle(converted(tmp_path / "a.gif"))[0] > 200


def test_large_ones_are_made_smaller_and_small_ones_stay(tmp_path: Path) -> None:
    picture((2000, 1000)).save(tmp_path / "a.png")
    assert converted(tmp_path / "a.png", side=500).size == (500, 250)
    assert converted(tmp_path / "a.png", side=5000).size == (2000, 1000)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("part", [0.5, 0.02])
def test_damaged_ones_are_named_and_their_neighbours_unharmed(tmp_path: Path, kind: str, part: float) -> None:
    buffer = io.BytesIO()
    picture((640, 480)).save(buffer, kind)
    content = buffer.getvalue()
    (tmp_path / "bad").write_bytes(content[: max(60, int(part * len(content)))])
    picture().save(tmp_path / "good", "PNG")
    names = ("good", "bad", "good")
    jobs = [
        PictureJob(str(tmp_path / name), sniff(tmp_path / name).demuxer, tmp_path / f"{n}.jpg")
        for n, name in enumerate(names)
    ]
    first, error, last = convert_pictures(jobs, 1280, LIMITS)
    assert (first, last) == (None, None)
    assert isinstance(error, CorruptMedia), "none of these can be shown whole"
    assert str(tmp_path / "bad") in str(error)
    assert not (tmp_path / "1.jpg").exists()


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("1", (30_000, 30_000)).save(tmp_path / "bomb.png")
    with pytest.raises(TooLarge, match="has 30000x30000 pixels"):
        converted(tmp_path / "bomb.png")


def test_one_on_which_the_decoder_hangs_costs_itself_only(tmp_path: Path) -> None:
    picture().save(tmp_path / "good.png")
    os.mkfifo(tmp_path / "bad.png")  # nobody ever writes to it
    names = ("good.png", "bad.png", "good.png")
    jobs = [PictureJob(str(tmp_path / name), "PNG", tmp_path / f"{n}.jpg") for n, name in enumerate(names)]
    found = convert_pictures(jobs, 1280, Limits(part_s=6.0))
    assert [type(error) for error in found] == [type(None), TooLarge, type(None)]
    assert str(tmp_path / "bad.png") in str(found[1])


def test_a_full_disk_is_no_fault_of_the_picture(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    with pytest.raises(NoSpace):
        convert_pictures([PictureJob(str(tmp_path / "a.png"), "PNG", Path("/dev/full"))], 1280, LIMITS)
