"""Pictures of all kinds as JPEGs of ours, and what is wrong with some of them."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from medley.errors import BadInput, CorruptMedia, TooLarge
from medley.media.pictures import PictureJob, convert_pictures
from medley.media.sniff import sniff
from medley.media.source import Source, open_source
from medley.settings import Limits
from tests.conftest import ROOT
from tests.documents import picture

LIMITS = Limits()
pillow_heif.register_heif_opener()


def converted(path: Path, side: int = 1280, limits: Limits = LIMITS) -> Image.Image:
    """Our copy of a picture."""
    target = path.with_suffix(".ours.jpg")
    [error] = several([path], [target], side, limits)
    if error:
        raise error
    with Image.open(target) as ours:
        return ours.copy()


def several(paths: list[Path], targets: list[Path], side: int = 1280, limits: Limits = LIMITS) -> list[BadInput | None]:
    """What is wrong with each."""
    with contextlib.ExitStack() as opened:
        jobs = [
            PictureJob(opened.enter_context(open_source(path)), sniff(path).demuxer, target)
            for path, target in zip(paths, targets, strict=True)
        ]
        return convert_pictures(jobs, side, limits)


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
    targets = [tmp_path / f"{n}.jpg" for n in range(3)]
    first, error, last = several([tmp_path / name for name in names], targets)
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
    os.mkfifo(tmp_path / "bad.png")
    pipe = os.open(tmp_path / "bad.png", os.O_RDWR)  # it has a writer, who never writes
    with open_source(tmp_path / "good.png") as good:
        jobs = [
            PictureJob(source, "PNG", tmp_path / f"{n}.jpg")
            for n, source in enumerate((good, Source(pipe, "bad.png"), good))
        ]
        found = convert_pictures(jobs, 1280, Limits(part_s=6.0))
    os.close(pipe)
    assert [type(error) for error in found] == [type(None), TooLarge, type(None)]
    assert "bad.png" in str(found[1])


FULL = """
import resource, sys
from pathlib import Path
from medley.errors import NoSpace
from medley.media.pictures import convert_picture
from medley.settings import Limits
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
try:
    convert_picture(Path(sys.argv[1]), Path(sys.argv[2]), 1280, Limits())
except NoSpace as error:
    print(error)
"""


def test_a_full_disk_is_no_fault_of_the_picture(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    command = [sys.executable, "-c", FULL, str(tmp_path / "a.png"), str(tmp_path / "a.jpg")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert "no space left" in done.stdout
