"""Files that end as their format wants, and the same files cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from medley.sources.endings import ends_whole
from tests.conftest import SAMPLE
from tests.documents import pdf, text

PICTURES = ("a.jpg", "a.png", "a.gif", "a.webp", "a.avif")


@pytest.fixture(params=[*PICTURES, "a.mp4", "a.pdf"])
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / str(request.param)
    if path.suffix == ".mp4":
        path.write_bytes(SAMPLE.read_bytes())
    elif path.suffix == ".pdf":
        pdf(path, text((72, 700, "some words on a page")))
    else:
        Image.effect_mandelbrot((90, 60), (-2, -1, 1, 1), 40).convert("RGB").save(path)
    return path


def test_what_is_whole_ends_whole_and_what_is_cut_off_does_not(whole: Path) -> None:
    assert ends_whole(whole)
    content = whole.read_bytes()
    for share in (0.1, 0.5, 0.9, 0.99):
        whole.write_bytes(content[: int(len(content) * share)])
        assert not ends_whole(whole), share
    whole.write_bytes(content[:-1])
    assert whole.suffix == ".pdf" or not ends_whole(whole)  # a line end may be missing there


def test_others_and_none(tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(b"\x1aE\xdf\xa3" * 9)
    (tmp_path / "empty.jpg").touch()
    for name in ("a.mkv", "empty.jpg", "missing.jpg"):
        assert not ends_whole(tmp_path / name)
