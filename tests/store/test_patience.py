"""A store that is started again in mid-run costs waiting; one that refuses, or stays away, ends in an error."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from flows.services.shared import free_port
from flows.services.supervise import is_reachable
from medley.errors import Cancelled, StoreUnavailable
from medley.run import StoreAddress
from medley.stores import patience
from medley.stores.patience import with_store
from medley.system.stop import request_stop
from tests.conftest import eventually
from tests.fakes import TEXT_MODEL, batch

AWAY = StoreUnavailable("away", remedy="wait")


def started(data: Path, port: int) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-P", "-m", "medley.stores.lite_server", "--data-dir", str(data)]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*program, "--host", "127.0.0.1", "--port", str(port)], **quiet)
    eventually(lambda: is_reachable(f"tcp://127.0.0.1:{port}"))
    return process


@pytest.mark.parametrize("torn", [*(pytest.param(n, marks=pytest.mark.whole) for n in (0, 200)), 60])
def test_a_write_waits_for_a_store_that_was_killed_while_it_wrote_an_index(tmp_path: Path, torn: int) -> None:
    port = free_port()
    address = StoreAddress(f"http://127.0.0.1:{port}", "key", timeout_s=5.0)
    running = [started(tmp_path / "milvus", port)]
    try:
        with_store(address, lambda store: store.write("text", TEXT_MODEL, [batch("a", ["one"])]))
        written = lambda: list((tmp_path / "milvus").glob("collections/*/partitions/*/indexes/*.idx"))  # noqa: E731
        [index] = eventually(written)  # the store builds it after it has answered
        running[0].kill()
        running[0].wait()
        os.truncate(index, torn)
        back = threading.Timer(3.0, lambda: running.append(started(tmp_path / "milvus", port)))
        back.start()
        with_store(address, lambda store: store.write("text", TEXT_MODEL, [batch("a", ["one", "two"], "w2")]))
        assert with_store(address, lambda store: store.count("a", "speech")) == 2
        back.join()
    finally:
        for process in running:
            process.kill()
            process.wait()


class Store:
    """Refuses as often as it is told to."""

    def __init__(self, refusals: int) -> None:
        self.refusals, self.asked = refusals, 0

    def close(self) -> None:
        """Nothing is held."""

    def work(self) -> str:
        self.asked += 1
        if self.asked <= self.refusals:
            raise AWAY
        return "done"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_AGAIN_S", 0.0)


def test_a_store_that_answers_is_asked_five_times(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(4)
    monkeypatch.setattr(patience, "open_store", lambda address: store)
    assert with_store(StoreAddress("", ""), lambda found: found.work()) == "done"  # type: ignore[attr-defined]
    store = Store(99)
    with pytest.raises(StoreUnavailable):
        with_store(StoreAddress("", ""), lambda found: found.work())  # type: ignore[attr-defined]
    assert store.asked == 5


def test_a_store_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []

    def refuse(address: StoreAddress) -> Any:
        tried.append(time.monotonic())
        raise AWAY

    monkeypatch.setattr(patience, "open_store", refuse)
    with pytest.raises(StoreUnavailable):
        with_store(StoreAddress("", ""), lambda found: found, away_s=0.2)
    assert len(tried) > 1
    request_stop()
    with pytest.raises(Cancelled):
        with_store(StoreAddress("", ""), lambda found: found)
