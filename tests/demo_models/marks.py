"""How the demo models are marked: speech through `medley.models.whisper`, pictures through `medley.models.clip`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from medley.models.base import ImageEncoder, SpeechModel
from medley.types import Word
from tests.world.evaluation import Picture, Utterance
from tests.world.scenes import Figure, Scene
from tests.world.score import normalised_words, word_errors
from tests.world.sentences import COLOURS, SHAPES
from tests.world.voices import SAMPLE_RATE_HZ, Samples, language_of

NOISE_DB = 20.0
TIME_TOLERANCE_S = 0.5


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int = 0
    whole: int = 0

    def __add__(self, other: Share) -> Share:
        return Share(self.part + other.part, self.whole + other.whole)

    @property
    def value(self) -> float:
        """Between 0 and 1 (word errors may exceed it). Raises ValueError where nothing was counted."""
        if not self.whole:
            raise ValueError("a share of nothing")
        return self.part / self.whole

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} %"


@dataclass(frozen=True, slots=True)
class SpeechMarks:
    """Word errors of all words, by voice; sentences with start and end right within 0.5 s, and with their language."""

    words: Share
    timed: Share
    by_voice: dict[str, Share]
    languages: Share


@dataclass(frozen=True, slots=True)
class PictureMarks:
    """Pictures of one shape whose caption comes first among all 80, in all and by colour, shape and size."""

    right: Share
    by_colour: dict[str, Share]
    by_shape: dict[str, Share]
    by_size: dict[str, Share]


def speech_marks(model: SpeechModel, utterances: Iterable[Utterance]) -> SpeechMarks:
    """One utterance after another, beam 5 as in a run."""
    by_voice: dict[str, Share] = defaultdict(Share)
    timed = languages = Share()
    for utterance in utterances:
        language = language_of(utterance.sentence.voice)
        words = model.transcribe(utterance.samples, language=language, beam_size=5)
        wanted = utterance.sentence.text
        errors = word_errors(wanted, " ".join(word.text for word in words))
        by_voice[voice_family(utterance.sentence.voice)] += Share(errors, len(normalised_words(wanted)))
        timed += Share(int(_well_timed(words, utterance)), 1)
        languages += Share(int(model.spoken_language(utterance.samples) == language), 1)
    return SpeechMarks(sum(by_voice.values(), Share()), timed, dict(sorted(by_voice.items())), languages)


def with_noise(utterance: Utterance, seed: int, *, below_db: float = NOISE_DB) -> Utterance:
    """White noise so many dB below the speech (its mean power between start and end)."""
    spoken = utterance.sentence
    part = utterance.samples[round(spoken.start_s * SAMPLE_RATE_HZ) : round(spoken.end_s * SAMPLE_RATE_HZ)]
    level = float(np.sqrt(np.square(part).mean())) * 10 ** (-below_db / 20)
    noise = np.random.default_rng(seed).standard_normal(len(utterance.samples), np.float32)
    return Utterance(utterance.samples + np.float32(level) * noise, spoken)


def picture_marks(model: ImageEncoder, pictures: Sequence[Picture]) -> PictureMarks:
    """The pictures of one shape, against the captions of all colours with all shapes."""
    captions = [Scene((Figure(colour, shape),)) for colour in COLOURS for shape in SHAPES]
    single = [picture for picture in pictures if len(picture.scene.figures) == 1]
    texts = model.encode_texts([scene.caption for scene in captions])
    best = (model.encode_images([picture.path for picture in single]) @ texts.T).argmax(axis=1)
    by: tuple[dict[str, Share], ...] = (defaultdict(Share), defaultdict(Share), defaultdict(Share))
    for picture, number in zip(single, best, strict=True):
        figure, found = picture.scene.figures[0], captions[int(number)].figures[0]
        right = Share(int((figure.colour, figure.shape) == (found.colour, found.shape)), 1)
        for table, key in zip(by, (figure.colour, figure.shape, figure.size or "middling"), strict=True):
            table[key] += right
    return PictureMarks(sum(by[0].values(), Share()), *map(dict, by))


def right_captions(model: ImageEncoder, pictures: Sequence[Picture]) -> Share:
    """Pictures whose own caption comes first among the captions of all these pictures: pairs and slides too."""
    captions = sorted({picture.scene.caption for picture in pictures})
    scores = model.encode_images([picture.path for picture in pictures]) @ model.encode_texts(captions).T
    best = [captions[int(row.argmax())] for row in scores]
    return Share(sum(found == each.scene.caption for found, each in zip(best, pictures, strict=True)), len(pictures))


def found_pictures(model: ImageEncoder, pictures: Sequence[Picture]) -> Share:
    """Pictures that their own caption finds first among all these pictures, as a search would. No two show the same."""
    captions = [picture.scene.caption for picture in pictures]
    scores = model.encode_texts(captions) @ model.encode_images([picture.path for picture in pictures]).T
    return Share(int((scores.argmax(axis=1) == np.arange(len(pictures))).sum()), len(pictures))


def without_speech(seed: int, seconds: float = 12.0) -> dict[str, Samples]:
    """Sounds in which nobody speaks."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    white = rng.standard_normal(len(time_s))
    brown = np.cumsum(white - white.mean())
    sounds: dict[str, np.ndarray] = {
        "silence": np.zeros(len(time_s)),
        "faint noise": 0.003 * white,
        "loud noise": 0.2 * white,
        "rumble": 0.4 * brown / np.abs(brown).max(),
        "mains hum": sum(0.2 / k * np.sin(2 * np.pi * 50 * k * time_s) for k in (1, 2, 3)),
        "beeps": 0.4 * np.sin(2 * np.pi * 1000 * time_s) * (time_s % 1 < 0.3),
        "sweep": 0.3 * np.sin(2 * np.pi * (100 + 150 * time_s) * time_s),
        "chord": sum(0.15 * np.sin(2 * np.pi * hz * time_s) for hz in (261.6, 329.6, 392.0)),
        "clicks": 0.8 * (rng.random(len(time_s)) < 3 / SAMPLE_RATE_HZ),
    }
    return {name: np.asarray(sound, np.float32) for name, sound in sounds.items()}


def voice_family(voice: str) -> str:
    """`espeak-ng en-us+m3 150 wpm pitch 45` is of the family `espeak-ng en-us`."""
    engine, name = voice.split()[:2]
    return f"{engine} {name.split('+')[0]}"


def _well_timed(words: Sequence[Word], utterance: Utterance) -> bool:
    spoken = utterance.sentence
    if not words:
        return False
    late = (abs(words[0].start_s - spoken.start_s), abs(words[-1].end_s - spoken.end_s))
    return max(late) <= TIME_TOLERANCE_S
