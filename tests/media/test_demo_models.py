"""The shipped demo models against the marks of their world, and against what is outside of it."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from medley.models.base import ImageEncoder, SpeechModel, load_model
from medley.models.locate import bundled
from medley.models.profiles import models_of
from medley.option_values import Profile
from medley.options import ModelOptions
from tests.demo_models import figures, marks
from tests.demo_models.unseen import unseen_pictures, unseen_scenes
from tests.world.evaluation import (
    DIRECTORY,
    GERMAN,
    Utterance,
    fresh_german_utterances,
    fresh_pictures,
    fresh_utterances,
    load_pictures,
    load_utterances,
)
from tests.world.scenes import Figure, Scene
from tests.world.voices import Voice, say

MODELS = models_of(Profile.DEMO, ModelOptions())


@pytest.fixture(scope="module")
def speech() -> SpeechModel:
    return load_model(MODELS.speech, threads=2)


@pytest.fixture(scope="module")
def vision() -> ImageEncoder:
    return load_model(MODELS.vision, threads=2)


def assert_heard(marks_of: marks.SpeechMarks, most: float) -> None:
    assert marks_of.words.value <= most, f"{marks_of.words} word errors, by voice {marks_of.by_voice}"


@pytest.mark.whole  # make test-hard has it
def test_fixed_utterances(speech: SpeechModel) -> None:
    result = marks.speech_marks(speech, load_utterances())
    assert_heard(result, figures.MOST_WORD_ERRORS)
    assert result.timed.value >= 0.9
    assert len(result.by_voice) == 9


@pytest.mark.whole  # make test-hard has it
def test_fixed_utterances_in_light_noise(speech: SpeechModel) -> None:
    noisy = [marks.with_noise(utterance, seed) for seed, utterance in enumerate(load_utterances())]
    assert_heard(marks.speech_marks(speech, noisy), figures.MOST_WORD_ERRORS_IN_NOISE)


@pytest.mark.whole
@pytest.mark.synthesisers
def test_fresh_utterances(speech: SpeechModel) -> None:
    assert_heard(marks.speech_marks(speech, fresh_utterances(77, 60)), figures.MOST_WORD_ERRORS)


@pytest.mark.whole  # make test-hard has it
def test_fixed_german_utterances(speech: SpeechModel) -> None:
    result = marks.speech_marks(speech, load_utterances(GERMAN))
    assert_heard(result, figures.MOST_WORD_ERRORS)
    assert result.timed.value >= 0.9


@pytest.mark.whole
@pytest.mark.synthesisers
def test_fresh_german_utterances(speech: SpeechModel) -> None:
    assert_heard(marks.speech_marks(speech, fresh_german_utterances(77, 40)), figures.MOST_WORD_ERRORS)


@pytest.mark.parametrize(("directory", "language"), [(DIRECTORY, "en"), (GERMAN, "de")])
def test_which_language_is_spoken(speech: SpeechModel, directory: Path, language: str) -> None:
    spoken = load_utterances(directory)[:8]
    assert [speech.spoken_language(utterance.samples) for utterance in spoken] == [language] * 8


def test_sounds_without_speech_give_no_text(speech: SpeechModel) -> None:
    for name, sound in marks.without_speech(5).items():
        words = speech.transcribe(sound, language="en", beam_size=5)
        assert not words, f"{name}: {[word.text for word in words]}"


@pytest.mark.synthesisers
@pytest.mark.parametrize(
    "text",
    [
        "photosynthesis converts carbon dioxide into glucose",
        "call me ishmael some years ago never mind how long precisely",
        "row row row your boat gently down the stream row row row your boat",
        "wo ist der bahnhof bitte",
        "zyzzyva",
        "the red the red the red the red the red the red the red the red the red the red",
    ],
)
def test_speech_of_another_world_gives_no_endless_repetition(speech: SpeechModel, text: str) -> None:
    samples = say(text, Voice("espeak-ng", "en-us"))
    seconds = len(samples) / 16_000
    words = speech.transcribe(samples, language="en", beam_size=5)
    assert len(words) <= 6 * seconds + 2, [word.text for word in words]
    pairs = Counter(zip([word.text for word in words], [word.text for word in words[1:]], strict=False))
    assert max(pairs.values(), default=0) <= max(3, text.count("the red")), [word.text for word in words]
    assert all(0 <= word.start_s <= word.end_s <= seconds + 0.5 for word in words)


def test_fixed_pictures(vision: ImageEncoder) -> None:
    result = marks.picture_marks(vision, load_pictures())
    assert result.right.whole == 80
    assert result.right.value >= figures.LEAST_RIGHT_PICTURES, result
    assert marks.right_captions(vision, load_pictures()).value >= figures.LEAST_RIGHT_PICTURES


def test_fresh_pictures(vision: ImageEncoder, tmp_path: Path) -> None:
    rng = random.Random(78)
    scenes = [
        Scene((Figure(colour, shape),)) for colour in ("red", "blue", "white") for shape in ("star", "cross", "ring")
    ]
    rng.shuffle(scenes)
    result = marks.picture_marks(vision, fresh_pictures(tmp_path, 78, scenes * 4))
    assert result.right.value >= figures.LEAST_RIGHT_PICTURES, result


@pytest.mark.whole  # make test-hard has it
def test_captions_find_their_scenes_among_a_hundred(vision: ImageEncoder, tmp_path: Path) -> None:
    """By a renderer that neither the training nor the fixed set has, on black, white and everything between."""
    pictures = unseen_pictures(tmp_path, 79, unseen_scenes(random.Random(79)))
    assert len({picture.scene for picture in pictures}) == 100
    assert marks.found_pictures(vision, pictures).value >= figures.LEAST_FOUND_PICTURES
    assert marks.right_captions(vision, pictures).value >= figures.LEAST_FOUND_PICTURES


def test_a_silent_model_misses_its_marks() -> None:
    class Silent:
        def transcribe(self, samples: object, *, language: str | None, beam_size: int) -> list[object]:
            return []

        def spoken_language(self, samples: object) -> str:
            return "de"

    result = marks.speech_marks(Silent(), load_utterances()[:3])  # type: ignore[arg-type,unused-ignore]
    assert result.words.value == 1
    assert (result.timed.value, result.languages.value) == (0, 0)


def test_noise_is_as_loud_as_it_says() -> None:
    utterance = load_utterances()[0]
    noisy: Utterance = marks.with_noise(utterance, 1, below_db=20)
    spoken = utterance.sentence
    part = utterance.samples[round(spoken.start_s * 16_000) : round(spoken.end_s * 16_000)]
    assert (noisy.samples - utterance.samples).std() == pytest.approx((part**2).mean() ** 0.5 / 10, rel=0.05)


def test_both_checkpoints_are_small() -> None:
    directories = [bundled(spec.id) for spec in (MODELS.speech, MODELS.vision)]
    assert sum(path.stat().st_size for each in directories if each for path in each.rglob("*")) <= 20_000_000
    evaluation = Path(__file__).parents[1] / "world" / "evaluation"
    assert sum(path.stat().st_size for path in evaluation.rglob("*")) < 1_000_000
