"""Speech: CTranslate2 Whisper checkpoints through faster-whisper (SYSTRAN/faster-whisper)."""

from __future__ import annotations

import ctranslate2
import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel

from medley.errors import SetupError
from medley.models.base import ModelSpec, Vectors, pick_device
from medley.models.locate import locate
from medley.types import Word

_BATCH = 8


class FasterWhisper:
    """A `SpeechModel`. Not re-entrant: the batched pipeline keeps state on the instance, so one call at a time."""

    def __init__(self, spec: ModelSpec, threads: int) -> None:
        device = pick_device(spec, cuda_devices=ctranslate2.get_cuda_device_count())
        model = WhisperModel(
            str(locate(spec)),
            device=device,
            compute_type=spec.compute_type,
            cpu_threads=threads,
            local_files_only=True,
        )
        self._id = spec.id
        self._chunk_length_s = spec.chunk_length_s
        self._pipeline = BatchedInferencePipeline(model)
        self._heard_last: tuple[Vectors, str] | None = None

    def transcribe(
        self, samples: Vectors, *, language: str | None, beam_size: int, translate: bool = False
    ) -> list[Word]:
        """Turns samples into words; see `SpeechModel`.

        Silence gives no words: Silero's voice activity detection runs first.
        """
        if language is not None and not self._knows(language):
            raise SetupError(
                f"the speech model {self._id} does not know the language {language}",
                remedy="Leave --speech.language out, or choose another model with --models.speech",
            )
        segments, told = self._pipeline.transcribe(
            samples,
            language=language,
            task="translate" if translate else "transcribe",
            beam_size=beam_size,
            batch_size=_BATCH,
            chunk_length=self._chunk_length_s,
            vad_filter=True,
            word_timestamps=True,
        )
        self._heard_last = (samples, str(told.language))
        words = [word for segment in segments for word in segment.words or ()]
        return [Word(round(w.start, 3), round(w.end, 3), w.word.strip()) for w in words if w.word.strip()]

    def _knows(self, language: str) -> bool:
        """Whether the vocabulary has the language: faster-whisper names a hundred for each multilingual model."""
        model = self._pipeline.model
        if language not in model.supported_languages:
            return False
        return not model.model.is_multilingual or model.hf_tokenizer.token_to_id(f"<|{language}|>") is not None

    def spoken_language(self, samples: Vectors) -> str:
        """Detects the language (ISO 639-1) of speech, `en` where the model is not multilingual; see `SpeechModel`."""
        if self._heard_last and np.array_equal(self._heard_last[0], samples):
            return self._heard_last[1]  # found out on the way
        model = self._pipeline.model
        if not model.model.is_multilingual:
            return "en"
        language, _, _ = model.detect_language(samples, vad_filter=True)
        return str(language)

    def warm_up(self) -> None:
        """Runs a second of silence through every part: a part that cannot run fails now, not at the first file."""
        list(self._pipeline.model.transcribe(np.zeros(16_000, np.float32), language="en", beam_size=1)[0])


def load(spec: ModelSpec, *, threads: int) -> FasterWhisper:
    """Loads the Whisper model of a specification, and warms the model up."""
    model = FasterWhisper(spec, threads)
    model.warm_up()
    return model
