"""Files that look alike or say the same are found; others are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from medley.duplicates import Alike, groups_of
from tests.conftest import SAMPLE, Medley
from tests.variants import ffmpeg

TEXT = "The harbour of the island opens at six in the morning and closes at ten in the evening on all days of the year."


def picture(path: Path, colour: str, places: list[tuple[int, int]]) -> Image.Image:
    image = Image.new("RGB", (900, 600), "#e8e4d8")
    pen = ImageDraw.Draw(image)
    for x, y in places:
        pen.ellipse((x, y, x + 180, y + 140), fill=colour, outline="black", width=6)
    image.save(path)
    return image


def made(folder: Path) -> list[set[str]]:
    """Files, and which of them belong together."""
    one = picture(folder / "one.png", "red", [(60, 40), (500, 300), (300, 100)])
    one.resize((450, 300)).save(folder / "one-small.jpg", quality=60)
    picture(folder / "blue.png", "blue", [(60, 40), (500, 300), (300, 100)])
    picture(folder / "other.png", "red", [(400, 400), (20, 300), (650, 60)])
    Image.new("RGB", (300, 200), "white").save(folder / "white.png")
    Image.new("RGB", (301, 200), "white").save(folder / "white-too.png")
    ffmpeg("-i", SAMPLE, "-t", 20, "-c", "copy", folder / "clip.mp4")
    small = ("-vf", "scale=640:-2", "-c:v", "libx264", "-preset", "ultrafast", "-crf", 30, "-c:a", "aac", "-b:a", "64k")
    ffmpeg("-i", folder / "clip.mp4", *small, folder / "clip-small.mkv")
    (folder / "text.md").write_text(f"# Hours\n\n{TEXT}\n")
    (folder / "text.html").write_text(f"<html><body><p>{TEXT}</p><p>And so on.</p></body></html>")
    (folder / "more.txt").write_text(
        "The museum of the town is closed on Mondays, but for those that are holidays of the state."
    )
    return [{"one.png", "one-small.jpg"}, {"clip.mp4", "clip-small.mkv"}, {"text.md", "text.html"}]


def names(groups: list[dict[str, Any]]) -> list[set[str]]:
    return [{Path(file["path"]).name for file in group["files"]} for group in groups]


@pytest.mark.whole  # make test-hard has it
def test_what_is_alike_is_found_and_nothing_else(medley: Medley, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    together = made(folder)
    assert medley("ingest", folder).code == 0
    groups = medley("duplicates", "--json").report["groups"]
    assert sorted(map(sorted, names(groups))) == sorted(map(sorted, together))
    [clips] = [group for group in groups if "clip.mp4" in names([group])[0]]
    assert clips["looks"] >= 0.8
    sizes = [file["size_bytes"] for file in clips["files"]]
    assert sizes == sorted(sizes, reverse=True)
    shown = medley("duplicates", folder).out
    assert "of the pictures" in shown
    assert "3 groups of files that are alike" in shown
    wrong = medley("duplicates", tmp_path / "nowhere")
    assert (wrong.code, "nothing is known of" in wrong.err) == (2, True)
    assert medley("duplicates", "--least", "2").code == 2


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], []),
        ([("a", "b"), ("c", "d")], [["a", "b"], ["c", "d"]]),
        ([("a", "b"), ("c", "d"), ("b", "c")], [["a", "b", "c", "d"]]),
        ([("a", "b"), ("a", "c"), ("b", "c")], [["a", "b", "c"]]),
    ],
)
def test_pairs_make_groups(pairs: list[tuple[str, str]], expected: list[list[str]]) -> None:
    assert groups_of([Alike(*pair, 1.0, 0.0) for pair in pairs]) == expected
