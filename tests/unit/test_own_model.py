"""A model that another package brings: its module loads it, from wherever it likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.host import ModelActor
from actors.resident import LocalPool
from medley.models.base import ModelSpec
from medley.models.locate import has_to_download, make_sure

MODULE = """
class Adder:
    def work(self, number):
        return number + 1

def load(spec, *, threads):
    return Adder()
"""


def test_a_model_of_another_package_needs_no_weights_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop_models").mkdir()
    (tmp_path / "shop_models" / "adder.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = ModelSpec("adder", "shop_models.adder", "any name", "1", "float32")
    make_sure(spec)
    assert not has_to_download(spec)
    assert LocalPool(ModelActor, spec, 1).call("work", 1) == 2
