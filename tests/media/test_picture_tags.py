"""What pictures say of themselves: EXIF in each format that has it, and none where it is damaged."""

from __future__ import annotations

from pathlib import Path

import pillow_heif
import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
from PIL.PngImagePlugin import PngInfo

from medley.media.picture_tags import camera, taken
from medley.media.pictures import PictureJob, convert_pictures
from medley.media.sniff import sniff
from medley.media.source import open_source
from medley.setting_groups import Limits
from tests.documents import picture

pillow_heif.register_heif_opener()


def exif() -> Image.Exif:
    """A photograph in Paris."""
    tags = Image.Exif()
    tags[Base.Make], tags[Base.Model] = "NIKON CORPORATION\0\0", "D750"
    tags[Base.Artist], tags[Base.ImageDescription] = "Zo@@ Tern ", "The tower at noon"
    tags.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = "2024:05:01 12:30:00"
    tags.get_ifd(IFD.GPSInfo).update(
        {
            GPS.GPSLatitudeRef: "N",
            GPS.GPSLatitude: (48.0, 51.0, 30.13),
            GPS.GPSLongitudeRef: "W",
            GPS.GPSLongitude: (2.0, 17.0, 40.13),
        }
    )
    return tags


def about(path: Path) -> dict[str, str]:
    """What the conversion tells of it."""
    with open_source(path) as source:
        job = PictureJob(source, sniff(source.path, source.name).demuxer, path.with_suffix(".ours.jpg"))
        [made] = convert_pictures([job], 640, Limits())
    assert made.error is None
    return dict(made.about)


TOLD = {
    "artist": "Zo@@ Tern",
    "date": "2024-05-01T12:30:00",
    "description": "The tower at noon",
    "camera": "NIKON CORPORATION D750",
    "place": "48.85837, -2.29448",
}


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.heic"])
def test_a_photograph_tells_when_where_and_with_what(tmp_path: Path, name: str) -> None:
    picture((64, 48), "red").save(tmp_path / name, exif=exif())
    assert about(tmp_path / name) == TOLD


def test_names_in_utf_8_and_what_a_scanner_writes(tmp_path: Path) -> None:
    picture((64, 48), "red").save(tmp_path / "a.tif", exif=exif())  # Pillow writes ASCII only, and no further lists
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content.replace(b"Zo@@", "Zoë".encode()))
    kept = {name: TOLD[name] for name in ("description", "camera")}
    assert about(tmp_path / "a.tif") == {"artist": "Zoë Tern", **kept}


def test_text_of_png(tmp_path: Path) -> None:
    text = PngInfo()
    text.add_text("Title", "Harbour plan")
    text.add_text("Software", "somebody's")
    picture((64, 48), "red").save(tmp_path / "a.png", pnginfo=text)
    assert about(tmp_path / "a.png") == {"title": "Harbour plan"}


def test_damaged_tags_cost_nothing_but_themselves(tmp_path: Path) -> None:
    picture((64, 48), "red").save(tmp_path / "a.jpg", exif=exif())
    content = bytearray((tmp_path / "a.jpg").read_bytes())
    at = content.index(b"Exif\0\0") + 14
    content[at : at + 40] = b"\xff" * 40
    (tmp_path / "a.jpg").write_bytes(content)
    assert "camera" not in about(tmp_path / "a.jpg")


def test_cameras_and_times_as_they_are_written() -> None:
    assert camera("Canon", "Canon EOS R5") == "Canon EOS R5"
    assert camera("", "") == ""
    assert [taken(given) for given in ("0000:00:00 00:00:00", "yesterday", "2024-05-01 12:30:00+02:00")] == [
        "",
        "",
        "2024-05-01T12:30:00",
    ]
