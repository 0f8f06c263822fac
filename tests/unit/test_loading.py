"""How long a model was waited for that was being loaded."""

from __future__ import annotations

import pytest

from medley.system import loading


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    times = [0.0]
    monkeypatch.setattr(loading, "monotonic", lambda: times[0])
    loading._waits.clear()
    return times


def wait(clock: list[float], model: str, begin: float, end: float) -> None:
    clock[0] = begin
    with loading.waiting_for(model):
        clock[0] = end


def wait_in_vain(clock: list[float]) -> None:
    with loading.waiting_for("a"):
        clock[0] = 5
        _ = 1 / 0


def test_threads_that_wait_together_wait_once(clock: list[float]) -> None:
    for begin, end in ((10, 20), (12, 20), (15, 22), (30, 31)):
        wait(clock, "a", begin, end)
    wait(clock, "b", 0, 100)
    assert loading.waited_s("a", 0, 100) == 13
    assert loading.waited_s("a", 11, 21) == 10
    assert loading.waited_s("a", 22, 30) == 0
    assert loading.waited_s("never", 0, 100) == 0


def test_a_model_that_cannot_be_loaded_was_waited_for(clock: list[float]) -> None:
    with pytest.raises(ZeroDivisionError):
        wait_in_vain(clock)
    assert loading.waited_s("a", 0, 10) == 5
