"""What people are told of how far a run is."""

from __future__ import annotations

import pytest

from flows.commands.pace import Pace
from flows.commands.terminal import Terminal
from medley.report import ItemReport


def test_count_share_rate_and_time_left() -> None:
    pace = Pace(200)
    pace.begin(0.0)
    assert pace.line(1.0) == "0 of 200 · 0 %"
    for n in range(1, 41):
        pace.ended(15.0 * n, worked=True)
    assert pace.line(600.0) == "40 of 200 · 20 % · 4.5 a minute · about 36 min left"


def test_what_was_known_counts_but_says_nothing_of_the_rate() -> None:
    pace = Pace(1000)
    pace.begin(0.0)
    for _ in range(500):
        pace.ended(0.5, worked=False)
    for n in range(1, 13):
        pace.ended(float(n), worked=True)
    assert pace.line(12.0) == "512 of 1000 · 51 % · 1.0 a second · about 8 min left"


def test_before_anything_has_ended_earlier_runs_say_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.commands.pace.cpus", lambda: 2)
    pace = Pace(100)
    assert pace.line(0.0) == "0 of 100 · 0 %", "services are being started"
    pace.begin(5.0, 20.0)
    assert pace.line(6.0) == "0 of 100 · 0 % · about 17 min left"


def test_where_nobody_knows_how_many_there_are() -> None:
    pace = Pace()
    pace.begin(0.0)
    for n in range(4):
        pace.ended(1000.0 * n, worked=True)
    assert pace.line(3001.0) == "4 done"


def test_a_log_has_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    terminal = Terminal(plain=True)
    terminal.pace = Pace(3)
    with terminal:
        terminal.starting("starting Prefect, Ray")
        terminal.starting("starting Ray")
        terminal.pace.begin(0.0)
        for n, path in enumerate(("a", "b")):
            now[0] = 7.0 * (n + 1)
            terminal.ended(ItemReport(path, "complete"))
    lines = capsys.readouterr().err.splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "starting Prefect, Ray",
        "starting Ray",
        "complete a",
        "complete b",
        "2 of 3 · 66 %",
    ]


def test_attached_files_come_on_top() -> None:
    pace = Pace(2)
    pace.ended(1.0, worked=True, attached=2)
    assert pace.line(1.0).startswith("1 of 4 · 25 %")
