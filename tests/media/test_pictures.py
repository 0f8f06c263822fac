"""Pictures of all kinds as JPEGs of ours, and what is wrong with some of them."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from medley.errors import CorruptMedia, TooLarge, UnsupportedMedia
from medley.media.pictures import Converted, PictureJob, convert_pictures
from medley.media.sniff import sniff
from medley.media.source import Source, open_source
from medley.setting_groups import Limits
from tests.conftest import ROOT
from tests.documents import picture

LIMITS = Limits()
pillow_heif.register_heif_opener()


def converted(path: Path, side: int = 1280, limits: Limits = LIMITS) -> Image.Image:
    """Our copy of a picture."""
    target = path.with_suffix(".ours.jpg")
    [made] = several([path], [target], side, limits)
    if made.error:
        raise made.error
    with Image.open(target) as ours:
        return ours.copy()


def several(paths: list[Path], targets: list[Path], side: int = 1280, limits: Limits = LIMITS) -> list[Any]:
    """What became of each."""
    with contextlib.ExitStack() as opened:
        jobs = [
            PictureJob(opened.enter_context(open_source(path)), sniff(path).demuxer, target)
            for path, target in zip(paths, targets, strict=True)
        ]
        return convert_pictures(jobs, side, limits)


def middle(image: Image.Image) -> Any:
    return image.getpixel((image.width // 2, image.height // 2))


@pytest.mark.parametrize(
    "kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF", "JPEG2000", "PPM", "TGA", "QOI"]
)
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
    first, bad, last = several([tmp_path / name for name in names], targets)
    assert (first, last) == (Converted(), Converted())
    if bad.error:
        assert isinstance(bad.error, CorruptMedia)
        assert str(tmp_path / "bad") in str(bad.error)
    assert (tmp_path / "1.jpg").exists() == (bad.error is None) == bool(bad.damage)
    if kind in ("JPEG", "PNG") and part == 0.5:
        assert "a part of it cannot be decoded" in bad.damage


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
    assert [type(one.error) for one in found] == [type(None), TooLarge, type(None)]
    assert "bad.png" in str(found[1].error)


FULL = """
import resource, sys
from pathlib import Path
from medley.errors import NoSpace
from medley.media.pictures import convert_picture
from medley.setting_groups import Limits
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


# pictures of cameras, scanners and programs


def deep(values: np.ndarray, path: Path, more: dict[int, int] | None = None) -> Path:
    """A TIFF of one band, written by hand as some programs do: uncompressed, in one strip."""
    order = ">" if values.dtype.byteorder == ">" else "<"
    height, width = values.shape
    entries = {256: width, 257: height, 258: values.dtype.itemsize * 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height}
    entries |= {279: values.nbytes, 339: {"u": 1, "i": 2, "f": 3}[values.dtype.kind], **(more or {})}
    head = (b"MM" if order == ">" else b"II") + struct.pack(order + "HI", 42, 8 + values.nbytes)
    table = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in sorted(entries.items()))
    path.write_bytes(head + values.tobytes() + struct.pack(order + "H", len(entries)) + table + bytes(4))
    return path


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [(">u2", 0, 65_535), ("<u2", 0, 65_535), ("<u2", 0, 4_095), (">u2", 0, 1_023), ("<i2", -30_000, 30_000)],
)
def test_more_than_eight_bits(tmp_path: Path, kind: str, low: int, high: int) -> None:
    ramp = np.linspace(low, high, 64 * 64).reshape(64, 64).astype(np.dtype(kind))
    made = np.asarray(converted(deep(ramp, tmp_path / "a.tif")).convert("L"), np.int16)
    assert made[0].mean() < 12
    assert made[-1].mean() > 228
    assert abs(made[32].mean() - made[-1].mean() / 2) < 12


def test_a_white_logo_on_transparent_is_seen(tmp_path: Path) -> None:
    logo = Image.new("RGBA", (80, 80), (255, 255, 255, 0))
    logo.paste((255, 255, 255, 255), (20, 20, 60, 60))
    logo.save(tmp_path / "a.png")
    made = converted(tmp_path / "a.png")
    assert min(made.getpixel((40, 40))) > 240  # type: ignore[type-var,arg-type]
    assert max(made.getpixel((5, 5))) < 100  # type: ignore[type-var,arg-type]


@pytest.mark.whole  # make test-hard has it
def test_the_limit_is_on_what_is_decoded(tmp_path: Path) -> None:
    Image.new("1", (16_000, 16_000), 1).save(tmp_path / "scan.tif", compression="group4")
    assert converted(tmp_path / "scan.tif").size == (1280, 1280)
    Image.new("RGB", (12_000, 9_000), "red").save(tmp_path / "photo.jpg", quality=30)
    assert converted(tmp_path / "photo.jpg").size == (1280, 960)


def test_an_animation_that_begins_blank(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (320, 240), "white"), picture()]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=100)
    assert middle(converted(tmp_path / "a.gif"))[0] > 200
    assert middle(converted(tmp_path / "a.gif"))[1] < 60


def test_pages_beyond_the_limit_are_said(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.tif", save_all=True, append_images=[picture(), picture()])
    with open_source(tmp_path / "a.tif") as source:
        job = PictureJob(source, "TIFF", tmp_path / "a.jpg")
        [made] = convert_pictures([job], 1280, Limits(max_pages=2))
    assert made.notes == ("of 3 pages the first 2 are looked at (MEDLEY_LIMITS__MAX_PAGES)",)
    assert {path.name for path in tmp_path.glob("*.jpg")} == {"a.jpg", "a-00002.jpg"}


def test_a_cameras_raw_file_is_called_so(tmp_path: Path) -> None:
    preview = np.zeros((64, 64), "<u2")
    with pytest.raises(UnsupportedMedia, match="a camera's raw file"):
        converted(deep(preview, tmp_path / "a.dng", {50706: 0x01040000}))
    (tmp_path / "a.cr2").write_bytes(b"II*\x00\x10\x00\x00\x00CR\x02\x00" + bytes(100))
    with pytest.raises(UnsupportedMedia, match="a camera's raw file"):
        sniff(tmp_path / "a.cr2")


@pytest.mark.parametrize("order", [b"MM\x00*", b"II*\x00"])
def test_damaged_exif_turns_nothing(tmp_path: Path, order: bytes) -> None:
    picture().save(tmp_path / "a.jpg", exif=b"Exif\x00\x00" + order + b"\x00\x00\x00\x08\xff\xff\x01\x12")
    assert converted(tmp_path / "a.jpg").size == (320, 240)


def test_a_profile_of_another_colour_space_is_no_profile_of_this(tmp_path: Path) -> None:
    other = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    picture().convert("P").save(tmp_path / "a.png", icc_profile=other)
    assert middle(converted(tmp_path / "a.png"))[0] > 200


@pytest.mark.parametrize(
    ("head", "says"),
    [(b"\xff\x0a" + bytes(50), "JPEG XL"), (b"<svg xmlns='x'><image href='/etc/passwd'/></svg>", "SVG")],
)
def test_what_is_not_read_is_named(tmp_path: Path, head: bytes, says: str) -> None:
    (tmp_path / "a.jpg").write_bytes(head)
    with pytest.raises(UnsupportedMedia, match=says):
        sniff(tmp_path / "a.jpg")


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "tiff_lzw", "packbits"])
def test_a_damaged_strip_is_not_taken_for_black(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "a.tif"
    picture((600, 400)).save(path, "TIFF", compression=compression)
    with Image.open(path) as known:
        at, size = known.tag_v2[273][0], known.tag_v2[279][0]
    content = bytearray(path.read_bytes())
    content[at : at + size] = bytes([0xFF]) * size
    path.write_bytes(content)
    [made] = several([path], [tmp_path / "a.jpg"])
    assert made.error or made.damage
