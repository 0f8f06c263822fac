"""The fixed evaluation set: 60 utterances, 20 German ones and 100 pictures in the repository, so that marks need no
synthesiser.

Made once by `python -m tests.world evaluation`: another seed than the training's, and drawn by `drawing`, which the
training never sees (`outlines` and `polygons` in `tests/demo_models` draw there).
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from tests.world.german import make_german_sentence
from tests.world.narration import Line, Pacing, narrate
from tests.world.scenes import Figure, Scene, draw_scene, random_scene
from tests.world.sentences import COLOURS, SHAPES, SIZES, make_sentence
from tests.world.truth import SpokenSentence
from tests.world.voices import (
    SAMPLE_RATE_HZ,
    Samples,
    Voice,
    all_voices,
    ffmpeg,
    language_of,
    random_german_voice,
    random_voice,
)

DIRECTORY = Path(__file__).with_name("evaluation")
GERMAN = DIRECTORY / "german"
SEED = 20_261
_UTTERANCES, _GERMAN_UTTERANCES = 60, 20
_PICTURE_PX = (320, 180)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence, somewhere in a sound track of its own (16 kHz, float32)."""

    samples: Samples
    sentence: SpokenSentence


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture on the disk and what it shows."""

    path: Path
    scene: Scene


def load_utterances(directory: Path = DIRECTORY) -> list[Utterance]:
    """The 60 utterances, decoded."""
    truth = json.loads((directory / "speech.json").read_text())
    return [Utterance(_decoded(directory / name), SpokenSentence(**sentence)) for name, sentence in truth.items()]


def load_pictures(directory: Path = DIRECTORY) -> list[Picture]:
    """The 100 pictures: every colour with every shape once, then pairs and slides."""
    truth = json.loads((directory / "pictures.json").read_text())
    return [Picture(directory / name, _scene(scene)) for name, scene in truth.items()]


def fresh_utterances(seed: int, count: int, voices: Sequence[Voice] | None = None) -> list[Utterance]:
    """`count` new sentences by these voices in turn, in the language of each, or by any of the world's English voices.

    Needs the synthesisers.
    """
    rng = random.Random(f"utterances {seed}")
    speakers = [voices[number % len(voices)] if voices else random_voice(rng) for number in range(count)]
    return [_utterance(_sentence(voice, rng), voice, rng) for voice in speakers]


def fresh_german_utterances(seed: int, count: int) -> list[Utterance]:
    """`count` new German sentences. Needs the synthesisers."""
    rng = random.Random(f"german voices {seed}")
    return fresh_utterances(seed, count, [random_german_voice(rng) for _ in range(count)])


def _sentence(voice: Voice, rng: random.Random) -> str:
    return make_german_sentence(rng) if language_of(str(voice)) == "de" else make_sentence(rng)


def fresh_pictures(directory: Path, seed: int, scenes: Sequence[Scene]) -> list[Picture]:
    """Draws the scenes as JPEG files into the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    rng = random.Random(f"pictures {seed}")
    pictures = [Picture(directory / f"{number:03d}.jpg", scene) for number, scene in enumerate(scenes)]
    for picture in pictures:
        draw_scene(picture.scene, rng).resize(_PICTURE_PX).save(picture.path, quality=75)
    return pictures


def single_scenes(rng: random.Random) -> list[Scene]:
    """Every colour with every shape, the sizes at random."""
    figures = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    return [Scene((Figure(colour, shape, rng.choice((None, *SIZES))),)) for colour, shape in figures]


def write_evaluation_set(directory: Path = DIRECTORY) -> None:
    """Writes the set anew. Needs the synthesisers."""
    directory.mkdir(exist_ok=True)
    rng = random.Random(SEED)
    write_utterances(directory, fresh_utterances(SEED, _UTTERANCES, _speakers(rng)))
    write_utterances(directory / GERMAN.name, fresh_german_utterances(SEED, _GERMAN_UTTERANCES))
    pairs = [scene for scene in (random_scene(rng) for _ in range(400)) if len(scene.figures) == 2]
    slides = [Scene()] * 4
    pictures = fresh_pictures(directory, SEED, [*single_scenes(rng), *pairs[:16], *slides])
    shown = {picture.path.name: asdict(picture.scene) for picture in pictures}
    (directory / "pictures.json").write_text(json.dumps(shown, indent=1) + "\n")


def write_utterances(directory: Path, utterances: Sequence[Utterance]) -> None:
    """Writes utterances as sound files, and what is said in them."""
    directory.mkdir(exist_ok=True)
    truth = {}
    for number, utterance in enumerate(utterances):
        name = f"{number:02d}.ogg"
        _encode(utterance.samples, directory / name)
        truth[name] = asdict(utterance.sentence)
    (directory / "speech.json").write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n")


def _speakers(rng: random.Random) -> list[Voice]:
    """Nine voices of each of espeak-ng's five accents, then each of flite's four three or four times."""
    espeak, flite = all_voices()[:-4], all_voices()[-4:]
    chosen = [espeak[(number * 7) % len(espeak)] for number in range(_UTTERANCES * 3 // 4)]
    varied = [replace(voice, speed_wpm=rng.randint(135, 185), pitch=rng.randint(30, 70)) for voice in chosen]
    return [*varied, *(flite[number % len(flite)] for number in range(_UTTERANCES - len(varied)))]


def _utterance(text: str, voice: Voice, rng: random.Random) -> Utterance:
    track, spoken = narrate([Line(text, voice)], Pacing(12.0), rng)
    end = round((spoken[0].end_s + 0.5) * SAMPLE_RATE_HZ)
    return Utterance(track[:end], spoken[0])


def _encode(samples: Samples, path: Path) -> None:
    raw = ["-f", "f32le", "-ar", str(SAMPLE_RATE_HZ), "-ac", "1", "-i", "-"]
    command = ffmpeg(*raw, "-c:a", "libopus", "-b:a", "20k", str(path))
    subprocess.run(command, input=samples.tobytes(), check=True, capture_output=True, timeout=60)


def _decoded(path: Path) -> Samples:
    raw = ["-f", "s16le", "-ar", str(SAMPLE_RATE_HZ), "-ac", "1", "-"]
    done = subprocess.run(ffmpeg("-i", str(path), *raw), check=True, capture_output=True, timeout=60)
    return np.frombuffer(done.stdout, np.int16).astype(np.float32) / 32768


def _scene(fields: dict[str, object]) -> Scene:
    figures = tuple(Figure(**figure) for figure in fields["figures"])  # type: ignore[attr-defined,unused-ignore]
    return Scene(figures, str(fields["relation"]))
