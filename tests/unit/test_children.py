"""Child runs overlap where there is room, and only there."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from flows.engine.children import Child, Children
from flows.engine.units import Units
from medley.settings import Settings
from medley.system.stop import request_stop
from tests.conftest import eventually


def child(flow: str, *, all_begun: bool = True) -> Child:
    run_context: Any = SimpleNamespace(run=SimpleNamespace(flow=flow), all_begun=all_begun)
    return Child(run_context)


@pytest.fixture
def ended() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def units(settings: Settings) -> Units:
    return Units(settings.model_copy(update={"window": 2}))


@pytest.fixture
def children(units: Units, ended: list[tuple[str, str]]) -> Children:
    return Children(units, lambda child, error: ended.append((child.run_context.run.flow, str(error or ""))))


def test_the_next_one_begins_while_the_last_files_of_the_first_are_at_work(
    children: Children, ended: list[tuple[str, str]]
) -> None:
    both = threading.Barrier(2, timeout=30)

    def work(run_context: Any) -> None:
        both.wait()

    children.start(child("video"), work)
    children.wait_for_room()
    children.start(child("pdf"), work)
    children.wait()
    assert sorted(ended) == [("pdf", ""), ("video", "")], "each has waited for the other one"


@pytest.mark.parametrize("why", ["files that wait", "no idle unit"])
def test_none_begins_where_it_would_only_wait(why: str, children: Children, units: Units) -> None:
    end = threading.Event()
    first = child("video", all_begun=why != "files that wait")
    if why == "no idle unit":
        assert units.has_room("window", 2) is False

    def work(run_context: Any) -> None:
        end.wait(30)

    children.start(first, work)
    waiting = threading.Thread(target=children.wait_for_room, daemon=True)
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    end.set()
    eventually(lambda: not waiting.is_alive())


def test_what_ends_one_is_told_and_costs_no_other(children: Children, ended: list[tuple[str, str]]) -> None:
    def work(run_context: Any) -> BaseException | None:
        if run_context.run.flow == "raises":
            raise RuntimeError("raised")
        return ValueError("returned") if run_context.run.flow == "returns" else None

    for flow in ("raises", "returns", "fine"):
        children.start(child(flow), work)
    children.wait()
    assert sorted(ended) == [("fine", ""), ("raises", "raised"), ("returns", "returned")]


def test_a_stop_waits_for_all_and_begins_none(children: Children, ended: list[tuple[str, str]]) -> None:
    end = threading.Event()

    def work(run_context: Any) -> None:
        end.wait(30)

    children.start(child("video"), work)
    request_stop()
    threading.Timer(0.3, end.set).start()
    children.wait_for_room()
    assert ended == [("video", "")]


def test_all_share_the_units_and_each_may_have_one(units: Units) -> None:
    assert units.has_room("a", 1)
    assert not units.has_room("a", 2)
    assert units.has_room("b", 0)
    assert not units.has_room("b", 1)
    units.leave("a")
    assert units.has_room("b", 1)
