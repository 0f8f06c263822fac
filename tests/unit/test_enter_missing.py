"""Files that a run has not come to: cancelled where somebody stopped it, failed where an error did."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flows.engine.run import RunContext
from medley.errors import Cancelled, StoreUnavailable
from medley.report import ItemReport


@pytest.mark.parametrize(
    ("error", "status"),
    [(None, "cancelled"), (Cancelled("the run was stopped"), "cancelled"), (StoreUnavailable("gone"), "failed")],
)
def test_files_that_were_not_come_to(error: BaseException | None, status: str) -> None:
    added: list[ItemReport] = []
    run: Any = SimpleNamespace(report=SimpleNamespace(items=lambda: [{"path": "a"}], add=added.append))
    RunContext.enter_missing(run, ["a", "b"], error)
    assert [(item.path, item.status) for item in added] == [("b", status)]
