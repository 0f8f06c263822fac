"""The figures of a pair of checkpoints, and whether they reach the marks of the small world."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from medley.models.base import ModelSpec, load_model
from medley.models.locate import directory_revision
from medley.models.profiles import PROFILES
from medley.option_values import Profile
from tests.demo_models.marks import (
    PictureMarks,
    Share,
    SpeechMarks,
    found_pictures,
    picture_marks,
    right_captions,
    speech_marks,
    with_noise,
    without_speech,
)
from tests.demo_models.pictures import draw_example
from tests.demo_models.unseen import unseen_pictures, unseen_scenes
from tests.world.evaluation import (
    GERMAN,
    Picture,
    Utterance,
    fresh_german_utterances,
    fresh_pictures,
    fresh_utterances,
    load_pictures,
    load_utterances,
    single_scenes,
)
from tests.world.voices import Voice

# The marks. Word errors at most, pictures at least.
MOST_WORD_ERRORS = 0.08
MOST_WORD_ERRORS_IN_NOISE = 0.15
LEAST_RIGHT_LANGUAGES = 0.98
LEAST_RIGHT_PICTURES = 0.90
LEAST_RIGHT_OWN_PICTURES = 0.95
LEAST_FOUND_PICTURES = 0.95
#: Voices that no training hears.
UNHEARD = tuple(
    Voice("espeak-ng", accent, variant) for accent in ("en-us", "en-gb-x-gbclan") for variant in ("f5", "m8")
)
_FRESH_SEED = 4_711
_FRESH_UTTERANCES, _FRESH_GERMAN = 240, 80
_UNSEEN_SETS = 3


@dataclass(frozen=True, slots=True)
class SpeechFigures:
    """On the fixed set and fresh sentences, each also with noise; by voices never heard; German; what silence says."""

    fixed: SpeechMarks
    fixed_in_noise: SpeechMarks
    fresh: SpeechMarks
    fresh_in_noise: SpeechMarks
    unheard: SpeechMarks
    german: SpeechMarks
    german_fresh: SpeechMarks
    made_up: dict[str, str]

    @property
    def quality(self) -> float:
        """The lower the better: word errors of all sentences without noise."""
        return (self.fixed.words + self.fresh.words + self.german.words + self.german_fresh.words).value

    @property
    def languages(self) -> Share:
        """Sentences without noise whose language is found."""
        return sum((one.languages for one in (self.fixed, self.fresh, self.german, self.german_fresh)), Share())

    def missed(self) -> Iterator[str]:
        """Each mark that is not reached, in words."""
        for where, marks, most in (
            ("the fixed set", self.fixed, MOST_WORD_ERRORS),
            ("fresh sentences", self.fresh, MOST_WORD_ERRORS),
            ("the German set", self.german, MOST_WORD_ERRORS),
            ("fresh German sentences", self.german_fresh, MOST_WORD_ERRORS),
            ("the fixed set in noise", self.fixed_in_noise, MOST_WORD_ERRORS_IN_NOISE),
            ("fresh sentences in noise", self.fresh_in_noise, MOST_WORD_ERRORS_IN_NOISE),
        ):
            if marks.words.value > most:
                yield f"word errors on {where}: {marks.words}, at most {100 * most:.0f} %"
        if self.languages.value < LEAST_RIGHT_LANGUAGES:
            yield f"languages found: {self.languages}, at least {100 * LEAST_RIGHT_LANGUAGES:.0f} %"
        for sound, text in self.made_up.items():
            yield f"{sound} is taken for words: {text!r}"


@dataclass(frozen=True, slots=True)
class PictureFigures:
    """On the fixed set, on fresh pictures of the same renderer, and on the trainer's own drawings.

    `found` and `named` are of a third renderer's sets of 100 scenes: the caption finds its picture, and the other way.
    """

    fixed: PictureMarks
    fresh: PictureMarks
    own: PictureMarks
    captions: Share
    found: Share
    named: Share

    @property
    def quality(self) -> float:
        """The lower the better: pictures whose caption does not come first, and captions whose picture does not."""
        return 1 - (self.fixed.right + self.fresh.right + self.found + self.named).value

    def missed(self) -> Iterator[str]:
        """Each mark that is not reached, in words."""
        for what, share, least in (
            ("right pictures of the fixed set", self.fixed.right, LEAST_RIGHT_PICTURES),
            ("right fresh pictures", self.fresh.right, LEAST_RIGHT_PICTURES),
            ("right pictures of the trainer's drawings", self.own.right, LEAST_RIGHT_OWN_PICTURES),
            ("captions that find their scene", self.found, LEAST_FOUND_PICTURES),
            ("scenes that find their caption", self.named, LEAST_FOUND_PICTURES),
        ):
            if share.value < least:
                yield f"{what}: {share}, at least {100 * least:.0f} %"


Figures = SpeechFigures | PictureFigures


def spec_of(kind: Literal["speech", "vision"], directory: Path) -> ModelSpec:
    """Profile demo's model of that kind, with the weights of a directory."""
    spec: ModelSpec = getattr(PROFILES[Profile.DEMO], kind)
    return replace(spec, id=str(directory.resolve()), revision=directory_revision(directory))


def speech_figures(directory: Path) -> SpeechFigures:
    """Loads the checkpoint as profile demo does and measures it. Needs the synthesisers."""
    model = load_model(spec_of("speech", directory), threads=2)
    fixed, fresh = load_utterances(), fresh_utterances(_FRESH_SEED, _FRESH_UTTERANCES)
    heard = {name: model.transcribe(sound, language="en", beam_size=5) for name, sound in without_speech(1).items()}
    return SpeechFigures(
        fixed=speech_marks(model, fixed),
        fixed_in_noise=speech_marks(model, _noisy(fixed)),
        fresh=speech_marks(model, fresh),
        fresh_in_noise=speech_marks(model, _noisy(fresh)),
        unheard=speech_marks(model, fresh_utterances(_FRESH_SEED + 1, 60, UNHEARD)),
        german=speech_marks(model, load_utterances(GERMAN)),
        german_fresh=speech_marks(model, fresh_german_utterances(_FRESH_SEED, _FRESH_GERMAN)),
        made_up={name: " ".join(word.text for word in words) for name, words in heard.items() if words},
    )


def picture_figures(directory: Path) -> PictureFigures:
    """Loads the checkpoint as profile demo does and measures it."""
    model = load_model(spec_of("vision", directory), threads=2)
    rng = random.Random(_FRESH_SEED)
    scenes = [scene for _ in range(5) for scene in single_scenes(rng)]
    with tempfile.TemporaryDirectory() as place:
        unseen = [
            unseen_pictures(Path(place, f"unseen{seed}"), seed, unseen_scenes(random.Random(seed)))
            for seed in range(_FRESH_SEED, _FRESH_SEED + _UNSEEN_SETS)
        ]
        return PictureFigures(
            fixed=picture_marks(model, load_pictures()),
            fresh=picture_marks(model, fresh_pictures(Path(place, "fresh"), _FRESH_SEED, scenes)),
            own=picture_marks(model, _own_pictures(Path(place), 600)),
            captions=right_captions(model, load_pictures()),
            found=sum((found_pictures(model, pictures) for pictures in unseen), Share()),
            named=sum((right_captions(model, pictures) for pictures in unseen), Share()),
        )


def _noisy(utterances: list[Utterance]) -> Iterator[Utterance]:
    return (with_noise(utterance, seed) for seed, utterance in enumerate(utterances))


def _own_pictures(place: Path, count: int) -> list[Picture]:
    pictures = []
    for number in range(count):
        image, _, scene = draw_example(random.Random(f"own {_FRESH_SEED} {number}"), 224)
        pictures.append(Picture(place / f"own{number:04d}.jpg", scene))
        image.save(pictures[-1].path, quality=90)
    return pictures
