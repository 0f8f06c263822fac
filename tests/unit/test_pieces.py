"""Long sound is heard in pieces: memory does not grow with its length, times and language hold through the whole."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from actors.whisper import WhisperActor
from medley.errors import Cancelled
from medley.media.audio import SAMPLE_RATE_HZ, read_pieces
from medley.models.base import Vectors
from medley.system.stop import request_stop
from medley.types import Word

LONG_S = 800
QUIET_S = (312.0, 620.0)  # the only pauses, half a second each


@pytest.fixture
def long_wav(tmp_path: Path) -> Path:
    """Noise without an end, but for two pauses."""
    samples = np.random.default_rng(1).integers(-9000, 9000, LONG_S * SAMPLE_RATE_HZ, dtype=np.int16)
    for start_s in QUIET_S:
        at = int(start_s * SAMPLE_RATE_HZ)
        samples[at : at + SAMPLE_RATE_HZ // 2] = 0
    return write(tmp_path / "long.wav", samples)


def write(path: Path, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> Path:
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, SAMPLE_RATE_HZ, 0, "NONE", ""))
        wav.writeframes(samples.tobytes())
    return path


class Speaker:
    """A `SpeechModel` that hears one word, a second after the beginning of each piece but the first."""

    def __init__(self) -> None:
        self.languages: list[str | None] = []

    def transcribe(
        self, samples: Vectors, *, language: str | None, beam_size: int, translate: bool = False
    ) -> list[Word]:
        self.languages.append(language)
        return [Word(1.0, 1.5, "word")] if len(self.languages) > 1 else []

    def spoken_language(self, samples: Vectors) -> str:
        return "de"


def actor(model: Speaker) -> WhisperActor:
    made = WhisperActor.__new__(WhisperActor)
    made._model = model
    return made


def test_pieces_are_the_whole_and_cut_in_pauses(long_wav: Path) -> None:
    pieces = list(read_pieces(long_wav))
    assert [len(samples) <= 330 * SAMPLE_RATE_HZ for _, samples in pieces] == [True] * 3
    for (start_s, _), quiet_s in zip(pieces[1:], QUIET_S, strict=True):
        assert quiet_s <= start_s <= quiet_s + 0.5
    with wave.open(str(long_wav)) as wav:
        whole = np.frombuffer(wav.readframes(wav.getnframes()), np.int16).astype(np.float32) / 32768
    assert np.array_equal(np.concatenate([samples for _, samples in pieces]), whole)


@pytest.mark.parametrize("seconds", [0, 1, 330, 331])
def test_any_length(tmp_path: Path, seconds: int) -> None:
    wav = write(tmp_path / "a.wav", np.ones(seconds * SAMPLE_RATE_HZ, np.int16))
    assert sum(len(samples) for _, samples in read_pieces(wav)) == seconds * SAMPLE_RATE_HZ


def test_times_and_language_hold_through_all_pieces(long_wav: Path) -> None:
    model = Speaker()
    words = actor(model).transcribe(long_wav, None, 1, False)
    starts = [start_s for start_s, _ in read_pieces(long_wav)]
    assert [word.start_s for word in words] == [round(start_s + 1, 3) for start_s in starts[1:]]
    assert model.languages == [None, None, "de"], "that of the first piece in which somebody speaks"


def test_no_piece_begins_once_the_run_is_to_end(long_wav: Path) -> None:
    model = Speaker()
    request_stop()
    with pytest.raises(Cancelled):
        actor(model).transcribe(long_wav, None, 1, False)
    assert model.languages == []
