"""Who speaks: voices, turns, sentences of somebody."""

from __future__ import annotations

import random
import wave
from pathlib import Path

import numpy as np
import pytest

from medley.models.base import load_model
from medley.models.pitch import pitch_semitones
from medley.models.voice import SAMPLE_RATE_HZ, VOICES, VoiceEncoder
from medley.options import ChunkOptions
from medley.speakers import SAME_PERSON, Heard, Turn, find_speakers, spoken_by
from medley.subtitles import srt
from medley.transcript import chunk_segments
from medley.types import Segment, Word
from tests.world.dialogue import diarization_error, different_voices, make_dialogue

synthesisers = pytest.mark.synthesisers


@pytest.fixture(scope="module")
def encoder() -> VoiceEncoder:
    found: VoiceEncoder = load_model(VOICES, threads=2)
    return found


def error_of(seed: int, directory: Path, encoder: VoiceEncoder, voices: int = 0) -> tuple[float, int]:
    """DER of a dialogue, and how many speakers too many were found."""
    rng = random.Random(seed)
    drawn = different_voices(rng, voices or rng.randint(2, 4))
    spoken = make_dialogue(directory / f"{seed}.wav", drawn, seed=seed)
    with wave.open(str(directory / f"{seed}.wav")) as wav:
        samples = np.frombuffer(wav.readframes(wav.getnframes()), np.int16)
    heard = encoder.find_voices(samples)
    found = find_speakers([Heard(a, b) for a, b, _ in heard], np.stack([vector for *_, vector in heard]))
    turns = [(turn.start_s, turn.end_s, turn.speaker) for turn in found.turns]
    return diarization_error(turns, spoken), len(found.voices) - len(drawn)


@synthesisers
def test_speakers_of_dialogues(tmp_path: Path, encoder: VoiceEncoder) -> None:
    errors = [error_of(seed, tmp_path, encoder)[0] for seed in (2, 9)]
    assert np.mean(errors) <= 0.15


@synthesisers
@pytest.mark.whole
def test_speakers_of_thirty_dialogues(tmp_path: Path, encoder: VoiceEncoder) -> None:
    errors = [error_of(seed, tmp_path, encoder) for seed in range(400, 430)]
    assert np.mean([error for error, _ in errors]) <= 0.15
    assert sum(extra == 0 for _, extra in errors) >= 20


@pytest.mark.whole  # make test-hard has it
@synthesisers
def test_one_voice_is_one_speaker(tmp_path: Path, encoder: VoiceEncoder) -> None:
    assert error_of(7, tmp_path, encoder, voices=1)[1] == 0


def test_windows_are_encoded_as_in_resemblyzer(encoder: VoiceEncoder) -> None:
    """The values are those of Resemblyzer 0.1.4 with torch, for the same samples."""
    t = np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    samples = sum(np.sin(2 * np.pi * 120 * n * t) / n for n in range(1, 20)).astype(np.float32) / 4
    [vector] = encoder.encode_windows(samples, [0])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert (int(vector.argmax()), int((vector > 0).sum())) == EXPECTED[:2]
    assert float(vector.max()) == pytest.approx(EXPECTED[2], abs=2e-3)


EXPECTED = (77, 112, 0.23449)


def test_silence_has_no_speakers(encoder: VoiceEncoder) -> None:
    assert encoder.find_voices(np.zeros(5 * SAMPLE_RATE_HZ, np.float32)) == []
    assert find_speakers([], np.empty((0, 0), np.float32)).turns == []


@pytest.mark.parametrize("hz", [80, 120, 200, 310])
def test_pitch(hz: float) -> None:
    t = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    buzz = sum(np.sin(2 * np.pi * hz * n * t) / n for n in range(1, 12)).astype(np.float32)
    assert pitch_semitones(buzz, SAMPLE_RATE_HZ) == pytest.approx(12 * np.log2(hz / 100), abs=0.3)
    assert pitch_semitones(np.zeros(100, np.float32), SAMPLE_RATE_HZ) == 0.0


def vectors(*angles: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([[np.cos(angle), np.sin(angle)] for angle in angles], np.float32)


def test_speakers_are_numbered_as_they_begin() -> None:
    spans = [(0.0, 2.0), (2.1, 4.0), (4.5, 7.0), (7.5, 9.0), (9.2, 12.0)]
    found = find_speakers([Heard(*span) for span in spans], vectors(1.5, 1.45, 0.0, 1.5, 0.1))
    assert found.turns == [Turn(0.0, 4.0, 1), Turn(4.5, 7.0, 2), Turn(7.5, 9.0, 1), Turn(9.2, 12.0, 2)]
    assert float(found.voices[0] @ found.voices[1]) < SAME_PERSON


def test_a_short_call_is_that_of_the_nearest_voice() -> None:
    found = find_speakers([Heard(0.0, 5.0), Heard(5.2, 5.6), Heard(6.0, 11.0)], vectors(0.0, 0.6, 1.5))
    assert [turn.speaker for turn in found.turns] == [1, 2]


def sentence(begin_s: float, text: str) -> Segment:
    return Segment.of(tuple(Word(begin_s + n, begin_s + n + 0.8, word) for n, word in enumerate(text.split())))


def test_sentences_are_parted_where_another_speaker_goes_on() -> None:
    turns = [Turn(0.0, 3.9, 1), Turn(4.0, 8.0, 2)]
    said = spoken_by([sentence(0, "where is the museum it is here today")], turns)
    assert [(part.speaker, part.text) for part in said] == [(1, "where is the museum"), (2, "it is here today")]
    chunks = chunk_segments(said, ChunkOptions())
    assert [chunk.speaker for chunk in chunks] == [1, 2]
    assert "Speaker 1: where is the museum" in srt(said)
    assert "Ada: it is here today" in srt(said, {2: "Ada"})


def test_a_stray_word_is_nobody_elses() -> None:
    turns = [Turn(0.0, 2.9, 1), Turn(3.0, 3.9, 2), Turn(4.0, 8.0, 1)]
    assert [part.speaker for part in spoken_by([sentence(0, "a sentence of only one person")], turns)] == [1]
    assert spoken_by([sentence(0, "nobody")], []) == [sentence(0, "nobody")]
