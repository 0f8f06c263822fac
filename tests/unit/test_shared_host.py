"""Models that share a process: each is loaded once, however many ask for it first."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from actors import host
from actors.host import SharedHost
from medley.models.base import ModelSpec

TEXT, VISION = (ModelSpec(kind, "none", kind, "1", "float32") for kind in ("text", "vision"))


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Kinds of the models that have been loaded; one of them says its kind and how many calls are at work on it."""
    found: list[str] = []

    class Model:
        def __init__(self, kind: str) -> None:
            self.kind, self.at_work = kind, 0

        def say(self) -> tuple[str, int]:
            self.at_work += 1
            time.sleep(0.001)
            self.at_work -= 1
            return self.kind, self.at_work

        def thread(self) -> int:
            return threading.get_ident()

    def load(spec: ModelSpec, *, threads: int) -> Any:
        time.sleep(0.02)
        found.append(spec.kind)
        return Model(spec.kind)

    monkeypatch.setattr(host, "load_model", load)
    return found


def test_each_model_is_loaded_once_and_asked_by_one_call_at_a_time(loaded: list[str]) -> None:
    shared = SharedHost(1)
    with ThreadPoolExecutor(16) as callers:
        for spec in (TEXT, VISION) * 4:
            callers.submit(shared.begin, spec)
        answers = list(callers.map(lambda n: shared.run(str(n), (TEXT, VISION)[n % 2], "say")[0], range(40)))
    assert sorted(loaded) == ["text", "vision"]
    assert answers == [("text", 0), ("vision", 0)] * 20


def test_each_model_has_one_thread_of_its_own(loaded: list[str]) -> None:
    shared = SharedHost(1)
    with ThreadPoolExecutor(16) as callers:
        asked = list(callers.map(lambda n: shared.run(str(n), (TEXT, VISION)[n % 2], "thread")[0], range(40)))
    assert len(set(asked[::2])) == len(set(asked[1::2])) == 1
    assert asked[0] != asked[1]


def test_what_cannot_be_loaded_is_told_to_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(spec: ModelSpec, *, threads: int) -> Any:
        raise ValueError("no weights")

    monkeypatch.setattr(host, "load_model", load)
    shared = SharedHost(1)
    shared.begin(TEXT)
    with pytest.raises(ValueError, match="no weights"):
        shared.run("call", TEXT, "say")
    assert shared.working_s("call") == 0.0


def test_a_call_that_waits_for_a_model_that_hangs_while_it_loads_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, begun = threading.Event(), threading.Event()

    def load(spec: ModelSpec, *, threads: int) -> Any:
        begun.set()
        goes_on.wait(20)

    monkeypatch.setattr(host, "load_model", load)
    shared = SharedHost(1)
    loading = threading.Thread(target=shared.begin, args=(TEXT,))
    loading.start()
    assert begun.wait(20)
    assert shared.working_s("waits behind it") > 0.0
    goes_on.set()
    loading.join()
    assert shared.working_s("waits behind it") == 0.0
