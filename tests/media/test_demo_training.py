"""The training of the demo models: seeded, resumable, exported as something the product loads."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from medley.models.base import load_model
from medley.models.locate import bundled
from medley.models.profiles import PROFILES
from medley.option_values import Profile
from tests.demo_models import clip_training, whisper_training
from tests.demo_models.__main__ import main
from tests.demo_models.alignment import choose_alignment_heads
from tests.demo_models.card import write_card
from tests.demo_models.clip_training import train_clip
from tests.demo_models.corpus import synthesise_corpus
from tests.demo_models.export import export_clip, export_whisper
from tests.demo_models.outlines import Spot, by_distance, outline
from tests.demo_models.pictures import draw_example, shown_in
from tests.demo_models.polygons import by_polygons
from tests.demo_models.texts import VOCABULARY, training_text
from tests.demo_models.tokens import Spoken, learn_tokens
from tests.demo_models.training import Phase, Recipe, learning_rate, place_of
from tests.demo_models.whisper_training import train_whisper
from tests.demo_models.windows import Shape, Windows
from tests.world.evaluation import load_utterances
from tests.world.sentences import SHAPES

RECIPE = Recipe(seed=3, phases=(Phase(2, 1e-3, 1e-4),), report_every=1)


class BrokenOff(Exception):
    """Stands for Ctrl-C behind a checkpoint."""


def break_off(_: str) -> None:
    raise BrokenOff


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """Sums of several threads come in any order, and Adam makes much of the last bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def assert_equal_weights(one: torch.nn.Module, other: torch.nn.Module) -> None:
    for (name, left), right in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(left, right, msg=name)


def test_texts_keep_to_the_words_of_the_world() -> None:
    rng = random.Random(1)
    said = {word for _ in range(3000) for word in training_text(rng).split()}
    assert said <= set(VOCABULARY)
    assert len(said) > 0.95 * len(set(VOCABULARY))


def test_tokens_are_what_faster_whisper_expects() -> None:
    tokens = learn_tokens(1)
    assert tokens.tokenizer.token_to_id("<|0.00|>") == tokens.no_times + 1
    for text, language in (("the red circle", "en"), ("der grüne kreis", "de")):
        read, said = tokens.target([Spoken(text, 0.5, 1.5)], language, times=True)
        assert read[1:] == said[:-1]
        assert read[:3] == [tokens.start, tokens.languages[language], tokens.task]
        assert tokens.decode(said) == f" {text}"
    read, said = tokens.target([], "de", times=False)
    assert (read, said[0], said[-1]) == (tokens.prompt("de"), tokens.no_speech, tokens.end)


def test_rates_fall_within_a_phase_and_stop_behind_the_last() -> None:
    phases = (Phase(200, 1e-3, 1e-4), Phase(10, 1e-4, 1e-5))
    assert learning_rate(0, phases) == pytest.approx(1e-5)  # one hundredth: the climb
    assert learning_rate(100, phases) == pytest.approx(1e-3 * 10**-0.5)
    assert place_of(205, phases).phase == 1
    with pytest.raises(IndexError):
        place_of(210, phases)


@pytest.mark.parametrize("shape", SHAPES)
def test_outlines_are_about_one_high(shape: str) -> None:
    grid = np.linspace(-1, 1, 201, dtype=np.float32)
    x, y = np.meshgrid(grid, grid)
    inside = outline(shape, random.Random(1))(x, y) < 0
    assert 0.02 < inside.mean() < 0.3
    assert not inside[[0, -1]].any()
    assert not inside[:, [0, -1]].any()


@pytest.mark.parametrize("shape", SHAPES)
def test_both_renderers_draw_about_the_same(shape: str) -> None:
    spot = Spot((96, 96), 48, 48, 50, 0.1)
    means = []
    for draw in (by_distance, by_polygons):
        drawn = [draw(shape, spot, random.Random(seed)) for seed in range(40)]
        assert all(cover.min() >= 0 and cover.max() == 1 and not cover[[0, -1]].any() for cover in drawn)
        means.append(np.mean(drawn))
    assert means[0] == pytest.approx(means[1], rel=0.25)


def test_a_batch_shows_every_figure_once_and_pairs_with_their_colours_exchanged() -> None:
    shown = shown_in(random.Random(1), 128)
    assert len({each for each in shown if len(each) == 1}) == 80
    assert Counter(map(len, shown)) == {0: 8, 1: 80, 2: 40}
    pairs = [each for each in shown if len(each) == 2]
    for (one, other), (swapped, back) in zip(pairs[::2], pairs[1::2], strict=True):
        assert (swapped, back) == ((other[0], one[1]), (one[0], other[1]))


def test_a_part_of_the_card_without_new_figures_stays(tmp_path: Path) -> None:
    shipped = bundled("demo/clip").parent
    shutil.copytree(shipped, tmp_path, dirs_exist_ok=True, copy_function=shutil.copyfile)
    card = (tmp_path / "README.md").read_text()
    assert write_card(tmp_path, None, None).read_text() == card


def test_pictures_are_the_same_for_the_same_seed() -> None:
    (one, caption, _), (other, again, _) = (draw_example(random.Random("x"), 64) for _ in range(2))
    assert caption == again
    assert one.tobytes() == other.tobytes()
    assert draw_example(random.Random("y"), 64)[0].tobytes() != one.tobytes()


@pytest.mark.whole
@pytest.mark.usefixtures("_one_thread")
def test_clip_goes_on_where_it_was_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_training, "_BATCH", 8)
    straight = train_clip(tmp_path / "straight.pt", RECIPE, lambda _: None)
    with pytest.raises(BrokenOff):
        train_clip(tmp_path / "broken.pt", RECIPE, break_off)
    assert_equal_weights(train_clip(tmp_path / "broken.pt", RECIPE, lambda _: None), straight)

    export_clip(straight, tmp_path / "clip")
    spec = replace(PROFILES[Profile.DEMO].vision, id=str(tmp_path / "clip"))
    assert load_model(spec, threads=1).encode_texts(["a red circle"]).shape == (1, 128)


@pytest.mark.whole  # half a minute, and the other one shows the same
@pytest.mark.synthesisers
@pytest.mark.usefixtures("_one_thread")
def test_whisper_goes_on_where_it_was_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_FIRST", "_MIDDLE", "_PADDED"):
        small = replace(getattr(whisper_training, name), batch=2)
        monkeypatch.setattr(whisper_training, name, small)
    tiny = tuple(
        {replace(shape, batch=2): share for shape, share in kinds.items()} for kinds in whisper_training._SHAPES
    )
    monkeypatch.setattr(whisper_training, "_SHAPES", tiny)
    spoken: list[int] = []
    corpus = synthesise_corpus(tmp_path / "corpus", seed=3, count=500, report=spoken.append)
    assert synthesise_corpus(tmp_path / "corpus", seed=3, count=500, report=spoken.append).text(7) == corpus.text(7)
    assert spoken == [500]  # the second time nothing was missing
    tokens = learn_tokens(3)
    short = Shape(3, 3, 2, noisy=0.5)
    one, other = (Windows(corpus, tokens, [short] * 2, seed="a", first=0).batch(1) for _ in range(2))
    assert torch.equal(one.features, other.features)
    assert one.texts == other.texts

    recipe = replace(RECIPE, phases=(Phase(1, 1e-3, 1e-4),) * 3)
    straight = train_whisper(corpus, tokens, tmp_path / "straight.pt", recipe, lambda _: None)
    with pytest.raises(BrokenOff):
        train_whisper(corpus, tokens, tmp_path / "broken.pt", recipe, break_off)
    resumed = train_whisper(corpus, tokens, tmp_path / "broken.pt", recipe, lambda _: None)
    assert_equal_weights(resumed, straight)

    export_whisper(straight, tokens, tmp_path / "whisper")
    spec = replace(PROFILES[Profile.DEMO].speech, id=str(tmp_path / "whisper"))
    load_model(spec, threads=1).transcribe(corpus.samples(0), language="en", beam_size=1)


@pytest.mark.whole  # make test-hard
def test_the_alignment_heads_with_the_best_times_are_kept(tmp_path: Path) -> None:
    directory = tmp_path / "whisper"
    shutil.copytree(str(bundled("demo/whisper")), directory)
    said: list[str] = []
    choose_alignment_heads(directory, load_utterances()[:1], said.append)
    best = min(said, key=lambda line: float(line.split("times are ")[1].split()[0]))
    assert f"heads {json.loads((directory / 'config.json').read_text())['alignment_heads']}:" in best
    assert len(said) == 11


@pytest.mark.synthesisers
def test_another_seed_in_the_same_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.json").write_text('{"seed": 1, "scale": 1.0}')
    assert main(["--work", str(tmp_path), "--seed", "2"]) == 2
    assert "another training" in capsys.readouterr().err
