"""What a fork server has imported is compared with what is on disk."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

import pytest

from flows.warm.preload import Sources


def test_an_edited_module_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "pipelines_of_somebody.py"
    module.write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, module.stem, raising=False)
    import_module(module.stem)
    sources = Sources()
    assert not sources.changed()
    os.utime(module, (1, 1))
    assert sources.changed()
    module.unlink()
    assert sources.changed()
    del sys.modules[module.stem]
