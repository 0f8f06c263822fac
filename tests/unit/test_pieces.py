"""Long sound is heard in pieces: memory does not grow with its length, times and language hold through the whole."""

from __future__ import annotations

import wave
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from actors.whisper import WhisperActor
from medley.errors import Cancelled
from medley.media.audio import SAMPLE_RATE_HZ, Piece, pieces_of, read_piece
from medley.models.base import Vectors
from medley.options import SpeechOptions
from medley.system.stop import request_stop
from medley.types import Word
from tasks.speech import _words

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
    pieces = pieces_of(long_wav)
    assert [end - begin <= 330 * SAMPLE_RATE_HZ for _, begin, end in pieces] == [True] * 3
    for (_, begin, _), quiet_s in zip(pieces[1:], QUIET_S, strict=True):
        assert quiet_s <= begin / SAMPLE_RATE_HZ <= quiet_s + 0.5
    with wave.open(str(long_wav)) as wav:
        whole = np.frombuffer(wav.readframes(wav.getnframes()), np.int16).astype(np.float32) / 32768
    assert np.array_equal(np.concatenate(list(map(read_piece, pieces))), whole)


@pytest.mark.parametrize("seconds", [0, 1, 330, 331])
def test_any_length(tmp_path: Path, seconds: int) -> None:
    wav = write(tmp_path / "a.wav", np.ones(seconds * SAMPLE_RATE_HZ, np.int16))
    assert sum(len(read_piece(piece)) for piece in pieces_of(wav)) == seconds * SAMPLE_RATE_HZ


@dataclass
class Pool:
    """Asks the actor, and remembers how many pieces each call had."""

    actor: WhisperActor
    asked: list[int] = field(default_factory=list)

    def call(self, method: str, *args: Any) -> Any:
        if method == "transcribe":
            self.asked.append(len(args[0]))
        return getattr(self.actor, method)(*args)


def heard(model: Speaker, pieces: list[Piece], language: str | None = None) -> tuple[list[Word], list[int]]:
    """The words of some pieces, and how many pieces were asked for together."""
    pool = Pool(actor(model))
    context: Any = SimpleNamespace(model=lambda kind: pool)
    return _words(pieces, SpeechOptions(language=language, beam_size=1), context)[0], pool.asked


def test_times_and_language_hold_through_all_pieces(long_wav: Path) -> None:
    model, pieces = Speaker(), pieces_of(long_wav)
    words, asked = heard(model, pieces)
    assert [word.start_s for word in words] == [round(begin / SAMPLE_RATE_HZ + 1, 3) for _, begin, _ in pieces[1:]]
    assert model.languages == [None, None, "de"], "that of the first piece in which somebody speaks"
    assert asked == [1, 1, 1]


def test_with_a_language_all_pieces_are_heard_at_the_same_time(long_wav: Path) -> None:
    model, pieces = Speaker(), pieces_of(long_wav)
    words, asked = heard(model, pieces, "fr")
    assert (len(words), model.languages, asked) == (2, ["fr"] * 3, [3])


def test_a_pool_gives_each_piece_to_whoever_is_free() -> None:
    assert actor(Speaker()).facts() == {"divisible": ("transcribe",), "batch": 1}


def test_no_piece_begins_once_the_run_is_to_end(long_wav: Path) -> None:
    model = Speaker()
    request_stop()
    with pytest.raises(Cancelled):
        heard(model, pieces_of(long_wav))
    assert model.languages == []
