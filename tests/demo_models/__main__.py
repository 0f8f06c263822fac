"""Makes the demo models: trains, exports, measures, and ships what reaches the marks. `make demo-models` runs it.

Broken off at any time, the same command goes on from where it was.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

from tests.demo_models import clip_training, whisper_training
from tests.demo_models.alignment import choose_alignment_heads
from tests.demo_models.card import write_card
from tests.demo_models.clip_training import train_clip
from tests.demo_models.corpus import SHARD, synthesise_corpus
from tests.demo_models.export import export_clip, export_whisper
from tests.demo_models.figures import Figures, picture_figures, speech_figures
from tests.demo_models.tokens import learn_tokens
from tests.demo_models.training import Phase, Recipe
from tests.demo_models.whisper_training import train_whisper
from tests.world.evaluation import fresh_german_utterances, fresh_utterances
from tests.world.voices import synthesisers_installed

_ROOT = Path(__file__).resolve().parents[2]
_SHIPPED = _ROOT / "medley" / "models" / "demo"
_UTTERANCES = 28_000
_ALIGNED_ON = 24
_MEASURES = {"whisper": speech_figures, "clip": picture_figures}


def main(arguments: list[str] | None = None) -> int:
    """0 where every new checkpoint reaches its marks, 1 where one does not and the shipped one stays, 2 for bad use."""
    options = _parser().parse_args(arguments)
    refusal = _refusal(options)
    if refusal:
        print(f"demo-models: {refusal}", file=sys.stderr)
        return 2
    try:
        return 0 if _make([part for part in _MEASURES if options.only in (None, part)], options) else 1
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130


def _make(parts: list[str], options: argparse.Namespace) -> bool:
    """Trains, exports, measures and ships; whether all models reach their marks."""
    shipped: dict[str, Figures] = {}
    reached = True
    for part in parts:
        {"whisper": _make_whisper, "clip": _make_clip}[part](options)
        new = _MEASURES[part](options.work / part)
        missed = list(new.missed())
        for line in missed:
            _say(f"{part}: missed: {line}")
        reached = reached and not missed
        if not missed and options.ship:
            shipped[part] = _ship(part, new, options.work)
    if shipped:
        _say(f"model card: {write_card(_SHIPPED, shipped.get('whisper'), shipped.get('clip'))}")
    return reached


def _ship(part: str, new: Figures, work: Path) -> Figures:
    """Puts the new checkpoint in the place of the shipped one, unless that is better; the figures of what ships now."""
    old = _MEASURES[part](_SHIPPED / part)
    _say(f"{part}: errors {100 * new.quality:.2f} %, of the shipped one {100 * old.quality:.2f} %")
    if new.quality > old.quality and not list(old.missed()):
        _say(f"{part}: the shipped one is better and stays")
        return old
    shutil.rmtree(_SHIPPED / part)
    shutil.copytree(work / part, _SHIPPED / part, copy_function=shutil.copyfile)  # not their modes
    _say(f"{part}: shipped anew")
    return new


def _make_whisper(options: argparse.Namespace) -> None:
    tokens = learn_tokens(options.seed)
    count = max(SHARD, round(_UTTERANCES * options.scale / SHARD) * SHARD)
    corpus = synthesise_corpus(
        options.work / "corpus",
        seed=options.seed,
        count=count,
        report=lambda done: _say(f"spoken: {done} of {count} utterances"),
    )
    recipe = _scaled(whisper_training.PHASES, options)
    model = train_whisper(corpus, tokens, options.work / "whisper.pt", recipe, lambda line: _say(f"whisper: {line}"))
    export_whisper(model, tokens, options.work / "whisper")
    listened = fresh_utterances(options.seed, _ALIGNED_ON) + fresh_german_utterances(options.seed, _ALIGNED_ON // 2)
    choose_alignment_heads(options.work / "whisper", listened, lambda line: _say(f"whisper: {line}"))


def _make_clip(options: argparse.Namespace) -> None:
    recipe = _scaled(clip_training.PHASES, options)
    model = train_clip(options.work / "clip.pt", recipe, lambda line: _say(f"clip: {line}"))
    export_clip(model, options.work / "clip")


def _scaled(phases: tuple[Phase, ...], options: argparse.Namespace) -> Recipe:
    scaled = (replace(phase, steps=max(1, round(phase.steps * options.scale))) for phase in phases)
    return Recipe(options.seed, tuple(scaled))


def _refusal(options: argparse.Namespace) -> str | None:
    """Why this cannot be done, with the remedy."""
    if options.only != "clip" and not synthesisers_installed():
        return "needs the programs espeak-ng and flite: install the packages of these names and try again"
    options.work.mkdir(parents=True, exist_ok=True)
    recipe = {"seed": options.seed, "scale": options.scale}
    path = options.work / "recipe.json"
    if not path.exists():
        path.write_text(json.dumps(recipe) + "\n")
    if json.loads(path.read_text()) != recipe:
        return f"{options.work} holds another training ({path.read_text().strip()}): give another --work, or delete it"
    return None


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.demo_models", description=__doc__)
    parser.add_argument("--only", choices=tuple(_MEASURES), help="one of the two models")
    parser.add_argument("--work", type=Path, default=_ROOT / "build" / "demo-models", help="corpus and checkpoints")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="share of steps and utterances, to try the machinery")
    parser.add_argument("--no-ship", dest="ship", action="store_false", help="leave the shipped checkpoints alone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
