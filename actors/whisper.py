"""Hosts a speech model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actors.host import Host
from medley.media.audio import SAMPLE_RATE_HZ, Piece, read_piece
from medley.models.base import ModelSpec, SpeechModel, load_model
from medley.system.stop import raise_if_stopped
from medley.types import Word


class WhisperActor(Host):
    """Loads and warms up once, transcribes many: one piece at a time."""

    def __init__(self, spec: ModelSpec, threads: int) -> None:
        self._model: SpeechModel = load_model(spec, threads=threads)

    def facts(self) -> dict[str, Any]:
        """Returns what a pool wants to know of the model: pieces of one file go to as many processes as there are."""
        return {"divisible": ("transcribe",), "batch": 1}

    def transcribe(
        self, pieces: Sequence[Piece], language: str | None, beam_size: int, translate: bool
    ) -> list[list[Word]]:
        """Returns the words of each piece, times in seconds from the first sample of its WAV; see `SpeechModel`."""
        return [self._heard(piece, language, beam_size, translate) for piece in pieces]

    def spoken_language(self, piece: Piece) -> str:
        """Detects the language of a piece in which somebody speaks; see `SpeechModel`."""
        return self._model.spoken_language(read_piece(piece))

    def _heard(self, piece: Piece, language: str | None, beam_size: int, translate: bool) -> list[Word]:
        raise_if_stopped()
        samples, (_, begin, _) = read_piece(piece), piece
        with self.timed(f"{len(samples) / SAMPLE_RATE_HZ:.1f} s of sound transcribed"):
            heard = self._model.transcribe(samples, language=language, beam_size=beam_size, translate=translate)
        return [word.later(begin / SAMPLE_RATE_HZ) for word in heard]
