"""`medley models pull`: from a hub, once, with progress; and what is said where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from medley.models.locate import bundled
from tests.conftest import Medley
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
