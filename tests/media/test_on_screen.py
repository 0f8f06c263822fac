"""What is written on frames: which frames are read, when lines come and go; lectures by real OCR."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import reportlab
from PIL import Image, ImageDraw, ImageFont

from medley.media.frames import end_of_shots, sample_frames, sharp_frames
from medley.media.layout import Line
from medley.media.lettering import Lettering
from medley.media.on_screen import Screen, ScreenReader, read_screens, save_screens
from medley.media.probe import probe_media
from medley.models.base import load_model
from medley.models.profiles import PROFILES, Profile
from medley.options import FrameOptions
from medley.setting_groups import Limits
from medley.types import Asset
from tests.conftest import SAMPLE
from tests.fakes import asset_id
from tests.variants import ffmpeg

WORDS = (
    *("budget", "energy", "history", "weather", "science", "travel", "railway", "garden", "library", "winter"),
    *("summer", "market", "doctor", "island", "kitchen", "bridge", "planet", "village", "castle", "engine"),
    *("silver", "carbon", "forest", "mountain", "river", "protein", "battery", "contract", "insurance", "salary"),
)
SIZE = (1280, 720)


def page(lines: Sequence[str], ground: str = "#fafafa", ink: str = "#202020", px: int = 40) -> Image.Image:
    """A slide, with a font that Pillow carries."""
    image = Image.new("RGB", SIZE, ground)
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        pen.text((90, 60 + (px + 35) * number), line, fill=ink, font=ImageFont.load_default(px))
    return image


class Reader:
    """Stands in for OCR: knows what was drawn on each JPEG, and counts what it is asked for."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.frames: list[tuple[Path, float, bool]] = []
        self.lines: dict[str, list[Line]] = {}
        self.asked: list[str] = []

    def add(self, at_s: float, image: Image.Image, lines: Sequence[str] = (), px: int = 40) -> None:
        path = self.directory / f"{len(self.frames):03d}.jpg"
        image.save(path, quality=85)
        boxes = [(90.0, 60.0 + (px + 35) * n, 1000.0, 60.0 + (px + 35) * n + px) for n in range(len(lines))]
        self.lines[path.name] = [Line(text, box) for text, box in zip(lines, boxes, strict=True)]
        self.frames.append((path, at_s, not self.frames))

    def screens(self, end_s: float, **how: bool) -> list[tuple[float, float, str]]:
        def read(path: Path) -> list[Line]:
            self.asked.append(path.name)
            return self.lines[path.name]

        reader = ScreenReader(read, **how)
        reader.look(self.frames)
        return [(screen.start_s, screen.end_s, screen.text) for screen in reader.screens(end_s)]


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


@pytest.mark.parametrize("px", [12, 20, 36, 60, 100, 160, 240])
@pytest.mark.parametrize(("ground", "ink"), [("white", "#999999"), ("#204060", "#eeeeee"), ("black", "white")])
def test_letters_of_every_size_are_noticed(tmp_path: Path, px: int, ground: str, ink: str) -> None:
    page(["Budget 24"], ground, ink, px).save(tmp_path / "a.jpg", quality=75)
    assert Lettering(tmp_path / "a.jpg").cells.any()


def test_things_without_letters_are_not(tmp_path: Path) -> None:
    image = Image.new("RGB", SIZE, "#d0e0f0")
    pen = ImageDraw.Draw(image)
    pen.ellipse((100, 100, 400, 400), fill="red", outline="black", width=8)
    pen.polygon([(700, 600), (900, 200), (1100, 600)], fill="green")
    image.save(tmp_path / "a.jpg", quality=90)
    assert not Lettering(tmp_path / "a.jpg").cells.any()


def test_a_slide_that_stands_is_read_once(reader: Reader) -> None:
    for second in range(6):
        image = page(["weather and science"])
        ImageDraw.Draw(image).ellipse((1000, 400 + 20 * second, 1100, 500 + 20 * second), fill="brown")  # moves
        reader.add(second, image, ["weather and science"])
    reader.add(6, page(["money"]), ["money"])
    assert reader.screens(9) == [(0, 6, "weather and science"), (6, 9, "money")]
    assert reader.asked == ["000.jpg", "006.jpg"]


def test_a_frame_without_letters_ends_what_stood_and_is_not_read(reader: Reader) -> None:
    reader.add(0, page(["weather"]), ["weather"])
    reader.add(4, Image.new("RGB", SIZE, "navy"))
    reader.add(9, page(["weather"]), ["weather"])
    assert reader.screens(12) == [(0, 4, "weather"), (9, 12, "weather")]
    assert reader.asked == ["000.jpg", "002.jpg"]


def test_lines_that_are_added_have_times_of_their_own(reader: Reader) -> None:
    lines = ["weather and science", "travel by railway", "forest and mountain"]
    for count in (1, 2, 3):
        reader.add(5 * count, page(lines[:count]), lines[:count])
    reader.add(20, page(["money"]), ["money"])
    assert reader.screens(25) == [(5, 20, lines[0]), (10, 20, lines[1]), (15, 20, lines[2]), (20, 25, "money")]


def test_a_reading_that_differs_by_a_letter_is_the_same_line_and_another_number_is_not(reader: Reader) -> None:
    reader.add(0, page(["weather and science", "page 12"]), ["weather and science", "page 12"])
    reader.add(4, page(["weather and science", "page 13"]), ["weather ard science", "page 13"])
    assert reader.screens(8) == [(0, 4, "page 12"), (0, 8, "weather and science"), (4, 8, "page 13")]


def test_the_box_of_a_line_that_moves_is_that_on_the_frame_that_is_shown(reader: Reader) -> None:
    for second, px in enumerate((40, 60)):
        reader.add(second, page(["directed by Ada"], px=px), ["directed by Ada"], px)
    found = ScreenReader(lambda path: reader.lines[path.name])
    found.look(reader.frames)
    [screen] = found.screens(5)
    assert (screen.image, screen.lines[0].box) == ("000.jpg", reader.lines["000.jpg"][0].box)
    assert (screen.start_s, screen.end_s) == (0, 5)


def test_frames_of_a_cross_fade_are_not_read(reader: Reader) -> None:
    one, other = page(["weather and science"]), page(["forest", "mountain"], "#203050", "#f0f0f0")
    reader.add(0, one, ["weather and science"])
    reader.add(4, Image.blend(one, other, 0.3), ["wforthstr"])
    reader.add(5, Image.blend(one, other, 0.7), ["forstt and"])
    reader.add(6, other, ["forest", "mountain"])
    assert reader.screens(9) == [(0, 5, "weather and science"), (5, 9, "forest\nmountain")]
    assert reader.asked == ["000.jpg", "003.jpg"]


def test_what_only_looks_like_letters_is_not_read_again_and_again(reader: Reader) -> None:
    rng = random.Random(3)
    noise = Image.effect_noise((400, 300), 90).convert("RGB")
    for second in range(9):
        image = Image.new("RGB", SIZE, "#405060")
        image.paste(noise, (200 + rng.randint(-8, 8), 200))
        reader.add(second, image)
    assert reader.screens(9) == []
    assert len(reader.asked) < 5


def test_every_frame_is_read_where_that_is_wanted(reader: Reader) -> None:
    for second in range(3):
        reader.add(second, Image.new("RGB", SIZE, "navy"), ["hidden"])
    assert reader.screens(3, every=True) == [(0, 3, "hidden")]
    assert len(reader.asked) == 3


def test_screens_are_kept(tmp_path: Path) -> None:
    screens = [Screen(0.5, 2.0, "a/000001.jpg", (Line("weather", (1.0, 2.0, 30.0, 12.0)),))]
    save_screens(tmp_path, screens)
    assert read_screens(tmp_path) == screens


def read_video(video: Path, made: Path) -> tuple[list[Screen], int]:
    """By the real model."""
    made.mkdir()
    asset = Asset(asset_id("s"), str(video), video.stat().st_size, probe_media(video, Limits()))
    sample_frames(asset, made, FrameOptions(), Limits())
    ocr = load_model(PROFILES[Profile.DEMO].ocr, threads=2)
    reader = ScreenReader(lambda path: ocr.read([path])[0])
    reader.look(sharp_frames(made))
    return reader.screens(end_of_shots(made)), reader.frames_read


def test_the_slide_of_the_sample_is_the_only_frame_that_is_read(tmp_path: Path) -> None:
    screens, read = read_video(SAMPLE, tmp_path / "made")
    assert [screen.text.split() for screen in screens] == [["money", "sports", "weather", "food", "safety"]]
    assert (screens[0].start_s, round(screens[0].end_s), read) == (9.2, 14, 1)


def lecture(video: Path, rng: random.Random, font: str, slides: int) -> list[list[str]]:
    """Slides of six seconds; returns the words of each."""
    shown: list[list[str]] = []
    for number in range(slides):
        title, *rest = ([rng.choice(WORDS) for _ in range(rng.randint(2, 4))] for _ in range(rng.randint(4, 6)))
        dark = rng.random() < 0.3
        image = Image.new("RGB", SIZE, "#10203a" if dark else "#fafafa")
        pen = ImageDraw.Draw(image)
        pen.text((80, 50), " ".join(title).title(), font=letters(font, 56), fill="white" if dark else "black")
        for place, line in enumerate(rest):
            ink = "#dddddd" if dark else "#333333"
            pen.text((110, 180 + 75 * place), " ".join(line), font=letters(font, 36), fill=ink)
        image.save(video.with_name(f"{video.stem}-{number:02d}.png"))
        shown.append([*title, *(word for line in rest for word in line)])
    encode = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", 26, "-pix_fmt", "yuv420p", "-r", 10)
    ffmpeg("-framerate", "1/6", "-i", video.with_name(f"{video.stem}-%02d.png"), *encode, video)
    return shown


def letters(font: str, px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font that Pillow or reportlab carries."""
    carried = Path(reportlab.__file__).with_name("fonts")
    return ImageFont.truetype(str(carried / font), px) if font else ImageFont.load_default(px)


def require_lecture(directory: Path, seed: int, font: str, slides: int) -> None:
    """95 % of the words at the right time, and each slide one record."""
    video = directory / f"{seed}.mp4"
    shown = lecture(video, random.Random(seed), font, slides)
    screens, read = read_video(video, directory / f"{seed}")
    assert len(screens) == slides
    assert read == slides
    found = total = 0
    for number, words in enumerate(shown):
        begin_s, end_s = 6.0 * number, 6.0 * (number + 1)
        there = [one for one in screens if abs(one.start_s - begin_s) <= 2 and abs(one.end_s - end_s) <= 2]
        said = {word for one in there for word in one.text.casefold().split()}
        found, total = found + sum(word in said for word in words), total + len(words)
    assert found >= 0.95 * total


def test_a_short_lecture_is_found(tmp_path: Path) -> None:
    require_lecture(tmp_path, 5, "Vera.ttf", 3)


@pytest.mark.whole
@pytest.mark.parametrize("font", ["", "Vera.ttf", "VeraBI.ttf"])
@pytest.mark.parametrize("seed", [1, 2])
def test_lectures_are_found(tmp_path: Path, font: str, seed: int) -> None:
    require_lecture(tmp_path, seed, font, 10)
