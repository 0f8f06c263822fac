"""How hits look in a terminal: pictures where they can be shown, short paths, bars."""

from __future__ import annotations

import base64
import io
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

from flows.commands.search import bar, short_path
from flows.commands.thumbnails import encoded, protocol_of


@pytest.mark.parametrize(
    ("environment", "how"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "foot-extra"}, "sixel"),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, None),
        ({"TERM": "dumb", "KITTY_WINDOW_ID": "1"}, None),
        ({}, None),
    ],
)
def test_who_can_show_pictures(environment: dict[str, str], how: str | None) -> None:
    assert protocol_of(environment, terminal=True) == how
    assert protocol_of(environment, terminal=False) is None


def test_pictures_as_terminals_want_them(tmp_path: Path) -> None:
    picture = Image.new("RGB", (640, 360), "white")
    picture.paste("red", (0, 0, 320, 360))
    picture.save(tmp_path / "x.jpg")
    iterm = encoded(tmp_path / "x.jpg", "iterm")
    shown = Image.open(io.BytesIO(base64.b64decode(iterm.partition(":")[2].rstrip("\x07"))))
    assert shown.size == (256, 144)
    kitty = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", encoded(tmp_path / "x.jpg", "kitty"))
    assert kitty[0][0].startswith("a=T,f=100,")
    assert kitty[-1][0].endswith("m=0")
    assert base64.b64decode("".join(part for _, part in kitty))[:4] == b"\x89PNG"


def test_sixels_draw_the_picture(tmp_path: Path) -> None:
    picture = Image.new("RGB", (12, 12), "white")
    picture.paste("black", (0, 0, 6, 12))
    picture.save(tmp_path / "x.jpg", quality=100)
    drawn = encoded(tmp_path / "x.jpg", "sixel")
    assert drawn.startswith('\x1bPq"1;1;12;12')
    assert drawn.endswith("-\x1b\\")
    colours = {int(n): tuple(map(int, rgb)) for n, *rgb in re.findall(r"#(\d+);2;(\d+);(\d+);(\d+)", drawn)}
    body = re.split(r"(?:#\d+;2;\d+;\d+;\d+)+", drawn)[1]
    dark = [0] * 12
    for band in body.removesuffix("\x1b\\").split("-")[:2]:
        for number, bits in re.findall(r"#(\d+)([?-~]+)\$", band):
            assert len(bits) == 12
            for x, bit in enumerate(bits):
                dark[x] += bin(ord(bit) - 63).count("1") * (sum(colours[int(number)]) < 150)
    assert dark[:5] == [12] * 5
    assert dark[7:] == [0] * 5


def test_paths_are_short_on_a_terminal_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.chdir(tmp_path)
    assert short_path(f"{tmp_path}/a/b.mp4") == f"{tmp_path}/a/b.mp4"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert short_path(f"{tmp_path}/a/b.mp4") == "a/b.mp4"
    assert short_path("/home/somebody/b.mp4") == "~/b.mp4"
    assert short_path("/home/somebodyelse/b.mp4") == "/home/somebodyelse/b.mp4"
    assert short_path("s3://bucket/b.mp4") == "s3://bucket/b.mp4"


def test_bars() -> None:
    assert [bar(score) for score in (0.0, 0.1, 0.5, 1.0, 7.0)] == ["     ", "▌    ", "██▌  ", "█████", "█████"]
