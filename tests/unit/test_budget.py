"""Budgets of runs."""

from __future__ import annotations

import pytest

from medley.budget import Budget, budget_of
from medley.errors import SetupError


@pytest.mark.parametrize(
    ("text", "seconds", "size"),
    [("90s", 90, None), ("1.5h", 5400, None), ("2GB", None, 2e9), ("10m, 500mb", 600, 5e8), ("", None, None)],
)
def test_what_is_written(text: str, seconds: float | None, size: float | None) -> None:
    made = budget_of(text)
    assert (made.seconds, made.bytes) == (seconds, size)


@pytest.mark.parametrize("text", ["ten minutes", "10", "10 parsecs", "-1h"])
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(SetupError, match="is no budget"):
        budget_of(text)


def test_files_are_taken_in_order_until_one_does_not_fit() -> None:
    budget = Budget(bytes=100)
    assert [budget.take(size) for size in (60, 30, 20, 1)] == [True, True, False, False]
    assert budget.used_up


def test_the_first_file_always_begins() -> None:
    assert Budget(bytes=10).take(1000)
    late = Budget(seconds=0.0)
    assert not late.used_up
    assert late.take(1)
    assert late.used_up
    assert not late.take(1)
