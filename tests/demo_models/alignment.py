"""Which heads of the decoder follow the sound: they give the words their times."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from medley.models.base import SpeechModel, load_model
from tests.demo_models.figures import spec_of
from tests.world.evaluation import Utterance
from tests.world.voices import language_of

Heads = list[list[int]]
_WORST_S = 2.0  # an utterance without words, or one whose times are nowhere near


def choose_alignment_heads(directory: Path, utterances: Sequence[Utterance], say: Callable[[str], None]) -> None:
    """Tries single heads, layers and all together on utterances, and leaves the best in the folder's config.json."""
    errors: list[tuple[float, Heads]] = []
    for heads in _candidates(layers=2, heads=4):
        _write(directory, heads)
        model: SpeechModel = load_model(spec_of("speech", directory), threads=2)
        errors.append((sum(time_error_s(model, utterance) for utterance in utterances) / len(utterances), heads))
        say(f"alignment heads {heads}: times are {errors[-1][0]:.3f} s off")
    _write(directory, min(errors)[1])


def time_error_s(model: SpeechModel, utterance: Utterance) -> float:
    """How far the start and the end of a sentence are off, in the mean of the two; 2 s at most."""
    language = language_of(utterance.sentence.voice)
    words = model.transcribe(utterance.samples, language=language, beam_size=5)
    if not words:
        return _WORST_S
    spoken = utterance.sentence
    return min(_WORST_S, (abs(words[0].start_s - spoken.start_s) + abs(words[-1].end_s - spoken.end_s)) / 2)


def _candidates(layers: int, heads: int) -> Iterator[Heads]:
    everything = [[[layer, head] for head in range(heads)] for layer in range(layers)]
    yield [head for layer in everything for head in layer]
    yield from everything
    yield from ([head] for layer in everything for head in layer)


def _write(directory: Path, heads: Heads) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"alignment_heads": heads}, indent=1) + "\n")
