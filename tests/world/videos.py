"""Videos of the small world: scenes with hard cuts, and a narration that need not speak of what is seen."""

from __future__ import annotations

import math
import random
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tests.world.narration import Line, Pacing, narrate, write_wav
from tests.world.scenes import Scene, draw_scene, random_scene
from tests.world.sentences import COLOURS, SHAPES, make_sentence
from tests.world.truth import ShownScene, SpokenSentence, VideoTruth
from tests.world.voices import Voice, ffmpeg, random_voice

__all__ = ["Script", "ShownScene", "SpokenSentence", "VideoTruth", "film", "make_video"]

_RATE_FPS = 25
_PICTURE_OPTIONS = [
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-crf",
    "23",
    "-pix_fmt",
    "yuv420p",
    "-threads",
    "2",
]
_SOUND_OPTIONS = ["-c:a", "aac", "-b:a", "64k", "-ar", "44100", "-flags:a", "+bitexact"]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Script:
    """What a video is to contain. Without lines it has no sound track, without scenes no picture track."""

    pacing: Pacing
    scene_s: float = 4.0
    scenes: tuple[Scene, ...] | None = None
    lines: Iterable[Line] | None = None

    def __post_init__(self) -> None:
        if self.scenes is None and self.lines is None:
            raise ValueError("a video needs lines or scenes")
        if self.scenes is not None and len(self.scenes) * self.scene_s < self.pacing.seconds - 1e-6:
            raise ValueError(f"{len(self.scenes)} scenes of {self.scene_s} s do not fill {self.pacing.seconds} s")


def make_video(
    out: Path,
    *,
    seed: int,
    seconds: float = 40,
    scene_s: float = 4,
    silent: tuple[float, float] | None = None,
    sentence_gap_s: tuple[float, float] = (0.6, 1.5),
    audio: bool = True,
    picture: bool = True,
    single_objects: bool = True,
    voices: Sequence[Voice] | None = None,
) -> VideoTruth:
    """Writes a random mp4 (H.264 640 x 360 at 25 fps, AAC) and returns what it contains, in seconds.

    Every scene of a video has another caption, and with `single_objects` (one shape each) another pair of colour and
    shape: at most 80. `voices` speak, else one to three at random. Nothing is said within `silent` (start, end).
    Raises ValueError where there are too many scenes or neither sound nor picture.
    """
    rng = random.Random(seed)
    scenes = _different_scenes(math.ceil(seconds / scene_s - 1e-6), single_objects, rng) if picture else None
    # A stream of its own, so that the narration of a seed is the same with and without pictures.
    lines = _random_lines(random.Random(f"lines {seed}"), voices) if audio else None
    script = Script(Pacing(seconds, sentence_gap_s, silent), scene_s, scenes, lines)
    return film(out, script, seed=seed)


def film(out: Path, script: Script, *, seed: int) -> VideoTruth:
    """Speaks, draws and encodes a script; `seed` decides on pauses, positions and backgrounds."""
    seconds = script.pacing.seconds
    inputs: list[str] = []
    options: list[str] = []
    sentences: tuple[SpokenSentence, ...] = ()
    with tempfile.TemporaryDirectory() as directory:
        if script.scenes is not None:
            inputs += _picture_input(script.scenes, script.scene_s, Path(directory), random.Random(f"draw {seed}"))
            options += ["-vf", f"fps={_RATE_FPS}", *_PICTURE_OPTIONS]
        if script.lines is not None:
            sound, sentences = narrate(script.lines, script.pacing, random.Random(f"pause {seed}"))
            write_wav(Path(directory) / "sound.wav", sound)
            inputs += ["-i", f"{directory}/sound.wav"]
            options += _SOUND_OPTIONS
        end = ["-t", f"{seconds:.3f}", "-movflags", "+faststart", "-flags:v", "+bitexact", str(out)]
        subprocess.run(ffmpeg(*inputs, *options, *end), check=True, capture_output=True, timeout=600)
    return VideoTruth(out.name, float(seconds), sentences, _shown(script))


def _picture_input(scenes: tuple[Scene, ...], scene_s: float, directory: Path, rng: random.Random) -> list[str]:
    """Draws each scene once and returns ffmpeg's input options that show each for `scene_s` seconds."""
    for number, scene in enumerate(scenes):
        draw_scene(scene, rng).save(directory / f"scene{number:04d}.png", compress_level=1)
    rate = 1 / Fraction(scene_s).limit_denominator(1000)
    return ["-framerate", f"{rate.numerator}/{rate.denominator}", "-i", f"{directory}/scene%04d.png"]


def _shown(script: Script) -> tuple[ShownScene, ...]:
    seconds, scene_s = float(script.pacing.seconds), float(script.scene_s)
    starts = [(number * scene_s, scene) for number, scene in enumerate(script.scenes or ())]
    return tuple(
        ShownScene(round(start_s, 3), round(min(start_s + scene_s, seconds), 3), scene.caption)
        for start_s, scene in starts
        if start_s < seconds
    )


def _random_lines(rng: random.Random, voices: Sequence[Voice] | None = None) -> Iterator[Line]:
    voices = voices or [random_voice(rng) for _ in range(rng.randint(1, 3))]
    while True:
        yield Line(make_sentence(rng), rng.choice(voices))


def _different_scenes(count: int, single_objects: bool, rng: random.Random) -> tuple[Scene, ...]:
    """Scenes no two of which can be taken for each other: "a red circle" does not come beside "a large red circle"."""
    most = len(COLOURS) * len(SHAPES)
    if count > most:
        raise ValueError(f"{count} scenes, but only {most} different ones: make scenes longer or the video shorter")
    found: dict[object, Scene] = {}
    while len(found) < count:
        scene = random_scene(rng, single_objects=single_objects)
        found.setdefault(tuple((figure.colour, figure.shape) for figure in scene.figures), scene)
    return tuple(found.values())
