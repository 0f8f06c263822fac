"""A model that another package brings: its module loads it, from wherever it likes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from actors.host import ModelActor
from actors.resident import LocalPool
from medley.models import base
from medley.models.base import ModelSpec
from medley.models.locate import has_to_download, make_sure
from medley.system.gpu import Gpu

MODULE = """
class Adder:
    def work(self, number):
        return number + 1

def load(spec, *, threads):
    return Adder()
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    """Of a package that is on the path."""
    (tmp_path / "shop_models").mkdir()
    (tmp_path / "shop_models" / "adder.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return ModelSpec("adder", "shop_models.adder", "any name", "1", "float32")


def test_a_model_of_another_package_needs_no_weights_of_ours(spec: ModelSpec) -> None:
    make_sure(spec)
    assert not has_to_download(spec)
    assert LocalPool(ModelActor, spec, 1).call("work", 1) == 2


@pytest.mark.parametrize(("found", "left_out"), [([], True), ([Gpu("H100", 80_000, 0)], False)])
def test_a_compiler_for_gpus_is_left_out_where_there_is_none(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch, found: list[Gpu], left_out: bool
) -> None:
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    monkeypatch.setattr(base, "gpus", lambda: found)
    base.load_model(spec, threads=1)
    assert (sys.modules.get("triton", ...) is None) is left_out
    monkeypatch.delitem(sys.modules, "triton", raising=False)
