"""Trains the demo Whisper: short windows first, then longer ones, at last all lengths and the runtime's padding.

Straight from short windows to 30 s ones it forgets; without the helper loss it learns no alignment.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from tests.demo_models.corpus import Corpus
from tests.demo_models.tokens import Tokens
from tests.demo_models.training import Phase, Recipe, Trainer, loaded, mixed_precision, place_of
from tests.demo_models.whisper_model import TrainedWhisper
from tests.demo_models.windows import Batch, Shape, Windows
from tests.world.score import word_errors

_FIRST = Shape(5, 5, 32, noisy=0.0)
_SHORT, _MIDDLE = Shape(5, 5, 32, noisy=0.3), Shape(10, 10, 16, noisy=0.3)
_PADDED, _LONGER, _LONG = (Shape(speech_s, 30, 8, noisy=0.4) for speech_s in (10, 20, 30))
PHASES = (Phase(1600, 2e-3, 7e-4), Phase(1300, 1.2e-3, 4e-4), Phase(1700, 7e-4, 1e-5))
_CTC_WEIGHTS = (1.0, 0.5, 0.1)
# What the windows of a phase look like, and how often each kind comes.
_SHAPES: tuple[dict[Shape, float], ...] = (
    {_FIRST: 1.0},
    {_MIDDLE: 0.8, _SHORT: 0.2},
    {_SHORT: 0.1, _MIDDLE: 0.25, _PADDED: 0.35, _LONGER: 0.12, _LONG: 0.18},
)


def train_whisper(
    corpus: Corpus, tokens: Tokens, checkpoint: Path, recipe: Recipe, say: Callable[[str], None]
) -> TrainedWhisper:
    """Trains to the end of the recipe, from the checkpoint on where there is one."""
    torch.manual_seed(recipe.seed)
    model = TrainedWhisper(tokens)
    trainer = Trainer(model, recipe, checkpoint)
    if trainer.step < trainer.steps:
        shapes = _shapes(recipe)
        windows = Windows(corpus, tokens, shapes, seed=f"train {recipe.seed}", first=trainer.step)
        known = _known(corpus, tokens, recipe.seed)
        for batch in loaded(windows):
            phase = place_of(trainer.step, recipe.phases).phase
            with mixed_precision(trainer.device):
                spoken, read = model.losses(_on(trainer.device, batch))
            trainer.learn(spoken + _CTC_WEIGHTS[phase] * read)
            if trainer.at_report:
                trainer.save()
                say(trainer.progress(_figures(trainer, model, known[phase], tokens)))
    return model.eval()


def _shapes(recipe: Recipe) -> list[Shape]:
    rng = random.Random(f"shapes {recipe.seed}")
    return [
        shape
        for phase, kinds in zip(recipe.phases, _SHAPES, strict=True)
        for shape in rng.choices(list(kinds), list(kinds.values()), k=phase.steps)
    ]


def _known(corpus: Corpus, tokens: Tokens, seed: int) -> list[Batch]:
    """A batch for each phase to watch the training by: other mixtures, of utterances that it has."""
    shapes = [replace(shape, batch=min(shape.batch, 16)) for shape in (_FIRST, _MIDDLE, _PADDED)]
    windows = Windows(corpus, tokens, shapes, seed=f"watch {seed}", first=0)
    return [windows.batch(number) for number in range(len(shapes))]


def _on(device: torch.device, batch: Batch) -> Batch:
    moved = {name: getattr(batch, name).to(device) for name in ("features", "read", "said", "letters", "lengths")}
    return replace(batch, **moved)


def _figures(trainer: Trainer, model: TrainedWhisper, batch: Batch, tokens: Tokens) -> str:
    model.eval()
    with torch.inference_mode(), mixed_precision(trainer.device):
        moved = _on(trainer.device, batch)
        spoken, read = model.losses(moved)
        heard = model.transcribe(moved.features, batch.languages, tokens)
    model.train()
    wrong = sum(word_errors(text, said) for text, said in zip(batch.texts, heard, strict=True))
    rate = wrong / sum(len(text.split()) for text in batch.texts)
    return f"loss {spoken.item():.2f}  helper {read.item():.2f}  word error rate {100 * rate:4.0f} %"
