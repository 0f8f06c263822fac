"""What a command still waits for when its flow run is over."""

from __future__ import annotations

from typing import Any

import pytest

from flows.services import start
from medley.catalog import open_catalog
from medley.settings import Settings
from medley.system import stop


@pytest.mark.parametrize(
    ("counts", "stands", "stopped", "expected"),
    [
        ((8, 0), True, False, []),  # it hears of all without us
        ((7, 1), True, False, [("run", 7)]),  # nobody else would say that one process is gone
        ((8, 0), False, False, [("run", 8)]),  # the server ends with us: it has to know first
        ((3, 0), True, True, [("run", 0)]),  # what was cancelled before it began never comes
    ],
)
def test_task_runs_are_settled_where_nobody_else_does(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    counts: tuple[int, int],
    stands: bool,
    stopped: bool,
    expected: list[tuple[str, int]],
) -> None:
    settled: list[Any] = []
    monkeypatch.setattr(start, "settle_task_runs", lambda *arguments: settled.append(arguments))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    if stands:
        monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    if stopped:
        stop.request_stop()
    start._settle(settings, open_catalog(settings), lambda: {"run": counts})
    assert settled == expected
