"""Hosts a speech model."""

from __future__ import annotations

from pathlib import Path

from actors.host import Host
from medley.media.audio import SAMPLE_RATE_HZ, read_pieces
from medley.models.base import ModelSpec, SpeechModel, load_model
from medley.system.stop import raise_if_stopped
from medley.types import Word


class WhisperActor(Host):
    """Loads and warms up once, transcribes many: one call at a time."""

    def __init__(self, spec: ModelSpec, threads: int) -> None:
        self._model: SpeechModel = load_model(spec, threads=threads)

    def transcribe(self, wav: Path, language: str | None, beam_size: int, translate: bool) -> list[Word]:
        """Returns the words of a WAV that Medley wrote, times in seconds from its first sample; see `SpeechModel`.

        Transcribes a long WAV piece by piece. The language is that of the first piece in which somebody speaks.
        """
        words: list[Word] = []
        spoken = None
        for start_s, samples in read_pieces(wav):
            raise_if_stopped()
            if language is None and spoken is not None:  # asked for when a second piece needs it, not for every file
                language = self._model.spoken_language(spoken)
            with self.timed(f"{len(samples) / SAMPLE_RATE_HZ:.1f} s of sound transcribed"):
                heard = self._model.transcribe(samples, language=language, beam_size=beam_size, translate=translate)
            spoken = samples if heard else spoken
            words += [word.later(start_s) for word in heard]
        return words
