"""Calls that wait for a model, without Ray: how they become batches, and how each of them ends."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from ray.cloudpickle import dumps

from actors.calls import Call, CallQueue, Share
from actors.dispatcher import Answer, Dispatcher, Outcome
from actors.replica import Batch, ran_out_of_memory, work
from medley.errors import BadInput, ModelTimeout, OutOfMemory, Quarantined


def call(name: str, items: list[Any], run: str = "run", method: str = "encode") -> Call:
    return Call(name, run, method, items, len(items), divisible=True, names=tuple(map(str, items)))


class Asked:
    """A dispatcher, and the answers of its calls."""

    def __init__(self, batch: int = 4) -> None:
        self.dispatcher = Dispatcher("text model", batch)
        self.answers: dict[str, list[Answer]] = {}
        self.now = 0.0

    def ask(self, *calls: Call) -> None:
        for each in calls:
            self.answers[each.id] = []
            self.dispatcher.accept(each, self.answers[each.id].append, self.now)

    def results(self, name: str) -> list[Any]:
        (answer,) = self.answers[name]
        assert answer.error is None, answer.error
        return [item for part in answer.parts for item in part]

    def error(self, name: str) -> BaseException | None:
        (answer,) = self.answers[name]
        return answer.error

    def work(self, replica: str = "one", **how: Any) -> list[Any]:
        """One batch; its items as the model sees them."""
        self.now += 0.01
        lease = self.dispatcher.lease(replica, self.now)
        assert lease
        parts = [list(share.call.items[share.start : share.stop]) for share in lease.shares]
        self.dispatcher.finish(
            lease.id, Outcome(**how) if how else Outcome([[f"{i}!" for i in p] for p in parts], seconds=1.0)
        )
        return [item for part in parts for item in part]


def test_a_batch_is_filled_with_the_calls_of_many() -> None:
    asked = Asked()
    asked.ask(call("a", [1, 2, 3], "x"), call("b", [4, 5, 6], "y"))
    assert asked.work() == [1, 2, 3, 4]
    assert asked.answers["b"] == []
    assert asked.work() == [5, 6]
    assert (asked.results("a"), asked.results("b")) == (["1!", "2!", "3!"], ["4!", "5!", "6!"])


def test_a_batch_that_is_not_full_waits_a_moment_for_more() -> None:
    asked = Asked()
    asked.ask(call("a", [1]))
    assert asked.dispatcher.lease("one", asked.now) is None
    assert asked.dispatcher.fill_s(asked.now) == pytest.approx(0.005)
    asked.ask(call("b", [2, 3, 4]))
    assert asked.dispatcher.lease("one", asked.now)


def test_other_methods_and_arguments_are_other_batches() -> None:
    asked = Asked()
    asked.ask(call("a", [1]), call("b", [2], method="other"), call("c", [3]))
    assert [asked.work() for _ in range(3)] == [[1], [2], [3]]


def test_runs_take_turns() -> None:
    asked = Asked(2)
    asked.ask(*(call(f"long {n}", [n, n], "long") for n in range(50)), call("short", [7, 7], "short"))
    batches = [asked.work() for _ in range(3)]
    assert [7, 7] in batches[:2], "one call does not wait behind the fifty of another run"


def test_a_short_batch_ahead_goes_to_a_replica_only_where_no_other_is_free() -> None:
    asked = Asked(2)
    asked.ask(*(call(str(n), [n, n]) for n in range(9)))
    assert asked.dispatcher.lease("one", 0.0)
    assert asked.dispatcher.lease("one", 0.0) is None, "nobody knows yet how long a batch takes"
    asked.dispatcher.finish(1, Outcome([["", ""]], seconds=0.02))
    assert asked.dispatcher.lease("one", 0.1)
    assert asked.dispatcher.lease("one", 0.1, others_idle=True) is None
    assert asked.dispatcher.lease("one", 0.1)
    assert asked.dispatcher.lease("one", 0.1) is None, "one ahead, not more"


def test_an_error_is_that_of_the_call_that_caused_it() -> None:
    asked = Asked()
    asked.ask(call("good", [1]), call("bad", [2]))
    assert asked.work(error=ValueError("which?")) == [1, 2]
    assert asked.work() == [1]
    assert asked.work(error=ValueError("this one")) == [2]
    assert asked.results("good") == ["1!"]
    assert str(asked.error("bad")) == "this one"


def test_an_item_that_kills_alone_twice_is_given_up_and_named() -> None:
    asked = Asked(8)
    asked.ask(call("a", ["fine", "deadly", "also fine", "too"]), call("b", ["other"]))
    deaths = 0
    while asked.dispatcher.open_calls:
        asked.now += 0.01
        lease = asked.dispatcher.lease("one", asked.now)
        assert lease
        parts = [share.call.items[share.start : share.stop] for share in lease.shares]
        if any("deadly" in part for part in parts):
            deaths += 1
            asked.dispatcher.lost("one", blameless=False)
        else:
            asked.dispatcher.finish(lease.id, Outcome(parts))
    assert asked.results("b") == ["other"]
    error = asked.error("a")
    assert isinstance(error, Quarantined)
    assert "deadly" in str(error)
    assert deaths == 5  # all together, the call, its half, alone and again


def test_of_two_batches_that_a_dead_process_held_neither_is_blamed() -> None:
    """The end of the first may not have been heard of: the second may have killed."""
    asked = Asked(2)
    asked.ask(*(call(str(n), [n, n]) for n in range(4)))
    asked.work()
    asked.dispatcher.batch_s = 0.01
    held = [asked.dispatcher.lease("one", asked.now), asked.dispatcher.lease("one", asked.now)]
    assert all(held)
    asked.dispatcher.lost("one", blameless=False)
    lease = asked.dispatcher.lease("two", asked.now)
    assert lease
    assert [share.deaths for share in lease.shares] == [0]
    assert asked.dispatcher.lease("two", asked.now) is None, "suspects are alone with a process"
    asked.dispatcher.finish(lease.id, Outcome([["1!", "1!"]], seconds=0.01))
    assert asked.work("two") == [2, 2]
    assert asked.work("two") == [3, 3]


def test_the_deaths_of_nodes_are_nobodys_fault() -> None:
    asked = Asked()
    asked.ask(call("a", [1, 2]))
    for _ in range(20):
        asked.now += 0.01
        assert asked.dispatcher.lease("one", asked.now)
        asked.dispatcher.lost("one", blameless=True)
    assert asked.work() == [1, 2]
    assert asked.dispatcher.counts["deaths"] == 0


def test_out_of_memory_halves_the_batch_and_grows_it_slowly_again() -> None:
    asked = Asked(8)
    sizes = []
    for n in range(400):
        asked.ask(call(str(n), list(range(8))))
    while asked.dispatcher.open_calls:
        asked.now += 0.01
        lease = asked.dispatcher.lease("one", asked.now)
        assert lease
        sizes.append(lease.count)
        parts = [share.call.items[share.start : share.stop] for share in lease.shares]
        full = lease.count > 3
        asked.dispatcher.finish(lease.id, Outcome(error=MemoryError(), out_of_memory=True) if full else Outcome(parts))
    assert all(asked.results(str(n)) == list(range(8)) for n in range(400))
    assert sizes[:3] == [8, 4, 2]
    assert Counter(sizes)[3] > 500, "what fits is found again"
    assert asked.dispatcher.counts["out_of_memory"] < 30


def test_one_item_that_does_not_fit_says_so() -> None:
    asked = Asked()
    asked.ask(call("a", [1]))
    asked.work(error=MemoryError("no room"), out_of_memory=True)
    assert isinstance(asked.error("a"), OutOfMemory)


def test_a_batch_that_takes_too_long_ends_its_calls() -> None:
    asked = Asked()
    asked.ask(call("a", [1]), call("later", [2, 3, 4]))
    together = asked.dispatcher.lease("one", 1.0)
    assert together
    asked.dispatcher.expired(together, 5.0)
    assert asked.answers == {"a": [], "later": []}, "one of them may be at fault"
    lease = asked.dispatcher.lease("one", 1.0)
    assert lease
    asked.dispatcher.expired(lease, 5.0)
    assert asked.work() == [2, 3, 4]
    assert isinstance(asked.error("a"), ModelTimeout)
    asked.dispatcher.finish(lease.id, Outcome([["late"]]))
    assert len(asked.answers["a"]) == 1, "answered once"


def test_a_call_that_nobody_waits_for_is_not_made() -> None:
    asked = Asked()
    asked.ask(call("a", [1]), call("b", [2]))
    asked.dispatcher.withdraw("a")
    assert asked.work() == [2]
    assert asked.dispatcher.queue.count == 0


@pytest.mark.parametrize("seed", range(30))
def test_every_call_is_answered_once_whatever_dies(seed: int) -> None:
    """A thousand calls of five runs by four replicas, with deaths, lost nodes and full memory in between."""
    rng = random.Random(seed)
    asked = Asked(rng.choice([1, 3, 8, 64]))
    waiting = [call(f"{n}", [f"{n}.{k}" for k in range(rng.randint(1, 20))], f"run {n % 5}") for n in range(300)]
    sent = {each.id: each for each in waiting}
    held: dict[str, list[Any]] = {name: [] for name in "abcd"}
    while waiting or asked.dispatcher.open_calls:
        asked.now += 0.001
        if waiting and rng.random() < 0.5:
            asked.ask(waiting.pop())
        replica = rng.choice("abcd")
        if rng.random() < 0.5 and (lease := asked.dispatcher.lease(replica, asked.now)):
            held[replica].append(lease)
        elif held[replica] and rng.random() < 0.03:
            asked.dispatcher.lost(replica, blameless=True)
            held[replica].clear()
        elif held[replica]:
            lease = held[replica].pop(0)
            parts = [share.call.items[share.start : share.stop] for share in lease.shares]
            full = lease.count > 1 and rng.random() < 0.05
            asked.dispatcher.finish(
                lease.id, Outcome(error=MemoryError(), out_of_memory=True) if full else Outcome(parts, seconds=0.01)
            )
    assert all(asked.results(name) == each.items for name, each in sent.items())
    assert asked.dispatcher.queue.count == 0
    assert not asked.dispatcher.leases


def test_a_queue_counts_what_waits() -> None:
    queue = CallQueue()
    queue.add(Share(call("a", [1, 2, 3]), 0, 3, 0.0))
    queue.add(Share(call("b", [4], "other"), 0, 1, 0.0))
    assert (queue.count, queue.waiting("run"), queue.waiting("other"), queue.waiting("nobody")) == (4, 3, 1, 0)
    queue.drop(["a"])
    assert (queue.count, queue.waiting("run")) == (1, 0)


class Short:
    """A host of a model that forgets an item."""

    def run(self, call_id: str, method: str, items: list[int]) -> tuple[list[int], list[str]]:
        return items[1:], []


def test_a_model_that_gives_fewer_results_than_items_is_an_error() -> None:
    """Divided among calls, somebody would get the results of others."""
    parts = [(dumps([1, 2]), 0, 2), (dumps([3]), 0, 1)]
    outcome = work(Short(), Batch(1, "encode", parts, dumps(()), divisible=True, referred=False))
    assert outcome.results == []
    assert outcome.said == "RuntimeError: encode gave 2 results for 3 items"


def test_a_file_called_out_of_memory_is_no_lack_of_memory() -> None:
    assert ran_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    assert not ran_out_of_memory(BadInput("is no picture", file="out of memory.png"))
