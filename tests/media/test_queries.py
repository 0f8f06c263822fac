"""Encoders of queries: the vectors of the models themselves, without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medley.models.base import ModelSpec, load_model
from medley.models.locate import locate
from medley.models.profiles import PROFILES
from medley.models.queries import load_for_queries
from medley.option_values import Profile

MODELS = PROFILES[Profile.DEMO]
QUERIES = [
    *(
        "the red circle",
        "a dog runs in the kitchen",
        "",
        "42 Straße, naïve & “quoted” &amp; don't I'LL",
        "北京的天气很好",
    ),
    *("word " * 400, "émile's 3.14% #tag @you 👩‍🚀", "\x00\x1f \u200b", "INTERNATIONALIZATION unbelievably"),
]

_WITHOUT = """
import sys
from medley.models.profiles import PROFILES
from medley.models.queries import load_for_queries
from medley.option_values import Profile
for spec in (PROFILES[Profile.DEMO].text, PROFILES[Profile.DEMO].vision):
    assert load_for_queries(spec, threads=1).encode_texts(["the red circle"]).shape[0] == 1
print(sorted(sys.modules.keys() & {"torch", "transformers", "open_clip", "sentence_transformers", "pandas"}))
"""


def same(spec: ModelSpec) -> None:
    ours, theirs = load_for_queries(spec, threads=1), load_model(spec, threads=1)
    assert type(ours) is not type(theirs)
    np.testing.assert_allclose(ours.encode_texts(QUERIES), theirs.encode_texts(QUERIES), atol=2e-6)
    alone = np.concatenate([ours.encode_texts([query]) for query in QUERIES])
    np.testing.assert_allclose(ours.encode_texts(QUERIES * 3)[-len(QUERIES) :], alone, atol=2e-6)
    assert ours.encode_texts([]).shape == (0, ours.dim)


@pytest.mark.parametrize("kind", ["text", "vision"])
def test_the_vectors_are_the_models_own(kind: str) -> None:
    same(getattr(MODELS, kind))


def test_the_tokens_of_late_interaction() -> None:
    ours, theirs = load_for_queries(MODELS.text, threads=1), load_model(MODELS.text, threads=1)
    for a, b in zip(ours.encode_tokens(QUERIES), theirs.encode_tokens(QUERIES), strict=True):  # type: ignore[attr-defined]
        np.testing.assert_allclose(a, b, atol=5e-6)


def copy(tmp_path: Path, spec: ModelSpec, changed: dict[str, dict[str, Any]]) -> ModelSpec:
    """The same weights beside another configuration: values of each file that are other ones."""
    for file in locate(spec).rglob("*"):
        if file.is_file():
            there = tmp_path / file.relative_to(locate(spec))
            there.parent.mkdir(exist_ok=True)
            there.symlink_to(file)
    for name, values in changed.items():
        known = json.loads((tmp_path / name).read_text())
        (tmp_path / name).unlink()
        (tmp_path / name).write_text(json.dumps({**known, **values}))
    return replace(spec, id=str(tmp_path))


def test_the_activation_of_openais_clip(tmp_path: Path) -> None:
    known = json.loads((locate(MODELS.vision) / "open_clip_config.json").read_text())["model_cfg"]
    same(copy(tmp_path, MODELS.vision, {"open_clip_config.json": {"model_cfg": {**known, "quick_gelu": True}}}))


def test_the_first_token_as_the_texts_vector(tmp_path: Path) -> None:
    pooling = {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}
    same(copy(tmp_path, MODELS.text, {"1_Pooling/config.json": pooling}))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("config.json", {"hidden_act": "relu"}),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": True}),
    ],
)
def test_any_other_model_is_loaded_as_it_is(tmp_path: Path, name: str, values: dict[str, Any]) -> None:
    spec = copy(tmp_path, MODELS.text, {name: values})
    assert type(load_for_queries(spec, threads=1)) is type(load_model(spec, threads=1))


def test_a_process_that_only_searches_loads_no_torch() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", _WITHOUT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
