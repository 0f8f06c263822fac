"""`medley models pull`: from a hub, once, with progress; and what is said where it cannot be."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from medley.models.locate import bundled
from tests.conftest import ROOT, Medley
from tests.hub import COMMIT, hub

NAME = "somebody/whisper"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub's client."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_weights_are_pulled_once_and_used_without_network(
    medley_process: Medley, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = bundled("demo/whisper")
    assert weights
    with hub(NAME, weights) as (url, asked):
        monkeypatch.setenv("HF_ENDPOINT", url)
        pulled = medley_process("models", "pull", "--models.speech", NAME)
        assert pulled.code == 0, pulled.err
        assert f"GET /{NAME}/resolve/{COMMIT}/model.bin" in asked
        assert not any("README" in request for request in asked), "only what the loader reads"
        assert "100%" in pulled.err
    speech = pulled.out.splitlines()[0]
    assert speech.startswith(f"speech  {NAME}")
    where = Path(speech.split(" MB  ")[1])
    assert (where / "model.bin").read_bytes() == (weights / "model.bin").read_bytes()
    again = medley_process("models", "pull", "--models.speech", NAME)
    assert (again.code, again.out) == (0, pulled.out), again.err


def test_a_model_that_the_hub_does_not_have(
    medley_process: Medley, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with hub("somebody/else", tmp_path) as (url, _):
        monkeypatch.setenv("HF_ENDPOINT", url)
        answer = medley_process("models", "pull", "--models.speech", NAME)
    assert answer.code == 2
    assert len(answer.err.strip().splitlines()) == 1
    assert f"speech model {NAME} (revision main) is not available" in answer.err
    assert "--models.speech DIR" in answer.err


def test_nothing_to_pull_for_the_demo_profile(medley_process: Medley, cache: Path) -> None:
    answer = medley_process("models", "pull", "--profile", "demo")
    assert (answer.code, answer.err) == (0, "")
    assert [line.split()[0] for line in answer.out.splitlines()] == ["speech", "vision", "text"]
    assert not cache.exists()


@pytest.mark.parametrize("inherited", ["", "2"])
def test_a_model_has_its_threads_wherever_it_runs(inherited: str) -> None:
    program = """
from threadpoolctl import threadpool_info
from actors.resident import LocalPool
from actors.whisper import WhisperActor
from medley.models.profiles import models_of
from medley.option_values import Profile
from medley.options import ModelOptions
LocalPool(WhisperActor, models_of(Profile.DEMO, ModelOptions()).speech, 1)
print({(found["user_api"], found["num_threads"]) for found in threadpool_info()})
"""
    env = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    env |= {"OMP_NUM_THREADS": inherited} if inherited else {}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, env=env, timeout=120
    )
    found = ast.literal_eval(done.stdout)
    assert found, done.stderr
    assert {threads for _, threads in found} == {1}, found


@pytest.mark.whole  # make test-hard has it
def test_squares_made_elsewhere_give_the_vectors_of_the_pictures(tmp_path: Path) -> None:
    """What a CPU prepares beside the model is what the model makes of the file itself, to the last bit."""
    program = """
import sys
from pathlib import Path
from importlib import import_module
from medley.models.base import load_model
from medley.models.profiles import models_of
from medley.option_values import Profile
from medley.options import ModelOptions
model = load_model(models_of(Profile.DEMO, ModelOptions()).vision, threads=1)
paths = [Path(path) for path in sys.argv[1:]]
method, function, options = model.facts["prepared"]["encode_images"]
module, _, name = function.partition(":")
squares = getattr(import_module(module), name)(paths, **options)
print(squares.shape[0], (model.encode_images(paths) == getattr(model, method)(squares)).all())
"""
    paths = [tmp_path / f"{n}.jpg" for n in range(4)]
    for n, path in enumerate(paths):
        gradient = Image.radial_gradient("L").resize((50 + 100 * n, 300 - 60 * n))
        Image.merge("RGB", (gradient, gradient.rotate(90), gradient.rotate(180))).save(path)
    command = [sys.executable, "-c", program, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.stdout.split() == ["4", "True"], done.stderr
