"""Which tests run, in what order, and which of them in the same process where there are several (`pytest -n 2`)."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.world.voices import synthesisers_installed

_SLOW_FIRST = {"platform": 0, "serve": 0, "processes": 1, "commands": 2, "media": 3, "store": 4, "unit": 5}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs programs that are not there is left out; .ci/run installs them."""
    unwanted = [] if synthesisers_installed() else ["synthesisers"]
    unwanted += [] if shutil.which("chromium") or shutil.which("chromium-browser") else ["browser"]
    unwanted += [] if config.getoption("--whole") else ["whole"]
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in unwanted)]
    config.hook.pytest_deselected(items=left_out)
    kept = [item for item in items if item not in left_out]
    # the files that take longest begin first: at the end of a run nobody waits for one of them alone
    items[:] = sorted(kept, key=lambda item: _SLOW_FIRST.get(item.path.parent.name, 0))


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """A file at a time, but for those that share the service. xdist's own groups do nothing with pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "serve" if "/serve/" in file else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Gives xdist our scheduler."""
    return _ByFile(config, log)
