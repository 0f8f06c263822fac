"""A small collection of files of many kinds: a lecture with slides and three voices, a film with German subtitles,
slides with a table, a table, and a German report.
"""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pptx
from pptx.util import Inches

from tests.world.narration import Line, Pacing, narrate, write_wav
from tests.world.scenes import Figure, Scene
from tests.world.truth import SpokenSentence
from tests.world.videos import Script, film
from tests.world.voices import Voice, ffmpeg

SLIDE_S = 8.0
_SIZE = (960, 540)
_VOICES = (Voice("flite", "slt"), Voice("espeak-ng", "en-us", "m3", 150, 45), Voice("flite", "rms"))
_SLIDES = (
    ("Energy of the harbour", "Cranes need forty kilowatts", "Ships use power from land"),
    ("Water and weather", "Tides rise twice a day", "Storms come from the north west"),
    ("The budget", "Repairs cost nine thousand", "A new bridge is planned"),
    ("Safety rules", "Wear a yellow helmet", "Never walk below a crane"),
    ("Questions", "Write to the harbour office"),
)
_SAID = (
    ("welcome to the school the topic is energy", 0),
    ("this slide is about energy and travel", 0),
    ("on monday we talk about water", 1),
    ("we see a blue boat in the market", 1),
    ("this slide is about money and science", 2),
    ("page nine shows three red cars", 2),
    ("chapter two explains safety in the station", 0),
    ("please look at a yellow house in the evening", 1),
    ("the number is seven four two", 2),
    ("on friday we talk about travel", 0),
)
_CHAPTERS = ("Energy", "Water", "Money", "Safety", "Questions")
_SUBTITLES = (
    (0.5, 4.5, "Der kleine Hund wohnt am Hafen."),
    (5.0, 9.0, "Am Montag kommt ein großes Schiff."),
    (9.5, 13.5, "Die Möwen warten auf die Fischer."),
    (14.0, 18.0, "Abends ist die Brücke geschlossen."),
)
_FILM = (Figure("green", "ring"), Figure("pink", "heart"), Figure("black", "arrow"), Figure("orange", "triangle"))
PRICES = (("good", "price", "harbour"), ("coal", "112", "North"), ("timber", "340", "South"), ("salt", "58", "North"))
_REPORT = """# Bericht des Hafens

## Wetter

Im Winter war der Hafen wegen Eis drei Wochen lang gesperrt.

## Gesundheit

Alle Arbeiter wurden im Frühling vom Arzt untersucht.
"""


@dataclass(frozen=True, slots=True)
class LectureTruth:
    """What the lecture says, and what stands on its slides, from when until when."""

    sentences: tuple[SpokenSentence, ...]
    slides: tuple[tuple[float, float, tuple[str, ...]], ...]


def make_collection(folder: Path) -> None:
    """Writes all files, and the truth of the lecture as `lecture.truth.json` beside the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = make_lecture(folder / "lecture.mkv")
    told = json.dumps(asdict(truth), indent=1, ensure_ascii=False)
    folder.with_name(f"{folder.name}.lecture.json").write_text(told + "\n")
    film(folder / "harbour.mp4", Script(Pacing(20.0), 5.0, tuple(Scene((figure,)) for figure in _FILM)), seed=3)
    (folder / "harbour.de.srt").write_text("\n".join(_cue(n, *cue) for n, cue in enumerate(_SUBTITLES, 1)))
    _presentation(folder / "goods.pptx")
    (folder / "prices.csv").write_text("".join(f"{','.join(row)}\n" for row in PRICES))
    (folder / "bericht.md").write_text(_REPORT)


def make_lecture(out: Path) -> LectureTruth:
    """Writes forty seconds: five slides, three voices that take turns, chapters."""
    length_s = SLIDE_S * len(_SLIDES)
    lines = [Line(text, _VOICES[who]) for text, who in _SAID]
    sound, sentences = narrate(lines, Pacing(length_s, gap_s=(0.8, 1.2)), random.Random("lecture"))
    with tempfile.TemporaryDirectory() as name:
        for number, words in enumerate(_SLIDES):
            _slide(words).save(Path(name, f"{number}.png"))
        write_wav(Path(name, "sound.wav"), sound)
        Path(name, "chapters.txt").write_text(_chapters())
        inputs = ["-framerate", f"1/{SLIDE_S:.0f}", "-i", f"{name}/%d.png", "-i", f"{name}/sound.wav"]
        coded = ["-c:v", "libx264", "-crf", "26", "-pix_fmt", "yuv420p", "-r", "10", "-c:a", "libopus", "-b:a", "32k"]
        made = f"{name}/made.mkv"
        subprocess.run(ffmpeg(*inputs, *coded, "-t", f"{length_s}", made), check=True, capture_output=True)
        command = ffmpeg("-i", made, "-i", f"{name}/chapters.txt", "-map", "0", "-c", "copy", str(out))
        at = command.index("-map_metadata")
        command[at : at + 2] = ["-map_chapters", "1", "-metadata", "title=Lecture at the harbour"]
        subprocess.run(command, check=True, capture_output=True)
    shown = tuple((n * SLIDE_S, (n + 1) * SLIDE_S, words) for n, words in enumerate(_SLIDES))
    return LectureTruth(sentences, shown)


def _slide(words: tuple[str, ...]) -> PIL.Image.Image:
    image = PIL.Image.new("RGB", _SIZE, (250, 250, 248))
    pen = PIL.ImageDraw.Draw(image)
    for place, line in enumerate(words):
        font = PIL.ImageFont.load_default(30 if place else 46)
        pen.text((70, 130 + 70 * place if place else 45), line, font=font, fill=(20, 24, 40))
    return image


def _chapters() -> str:
    parts = (
        f"[CHAPTER]\nTIMEBASE=1/1\nSTART={n * SLIDE_S:.0f}\nEND={(n + 1) * SLIDE_S:.0f}\ntitle={title}"
        for n, title in enumerate(_CHAPTERS)
    )
    return "\n".join([";FFMETADATA1", *parts, ""])


def _cue(number: int, begin_s: float, end_s: float, text: str) -> str:
    begin, end = (f"00:00:{int(at_s):02d},{round(at_s % 1 * 1000):03d}" for at_s in (begin_s, end_s))
    return f"{number}\n{begin} --> {end}\n{text}\n"


def _presentation(path: Path) -> None:
    made = pptx.Presentation()
    first = made.slides.add_slide(made.slide_layouts[1])
    first.shapes.title.text, first.placeholders[1].text = "Goods of the harbour", "Coal, timber and salt are unloaded."
    second = made.slides.add_slide(made.slide_layouts[5])
    second.shapes.title.text = "What they cost"
    table = second.shapes.add_table(len(PRICES), len(PRICES[0]), Inches(1), Inches(2), Inches(7), Inches(2)).table
    for row, cells in enumerate(PRICES):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    made.save(str(path))
