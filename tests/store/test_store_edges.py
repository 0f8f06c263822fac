"""The Milvus store at its edges: what may stand in a filter, a server that goes away, a quiet import."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medley.stores.milvus_filters import literal
from tests.conftest import ROOT
from tests.fakes import batch
from tests.traces import of_medley


@pytest.mark.parametrize("value", ['a"', "a'", "a b", "a\\", "a\n", "ä", 'x" or "1" == "1', "a,b", "(", "%"])
def test_filters_take_no_quotes(value: str) -> None:
    with pytest.raises(ValueError, match="not a value for a filter"):
        literal(value)


def test_filters_take_our_own_values() -> None:
    assert [literal(value) for value in ("speech", "a-b_c.d:e", 7, "")] == ['"speech"', '"a-b_c.d:e"', "7", '""']


def test_rows_and_vectors_must_match() -> None:
    with pytest.raises(ValueError, match="1 rows for 2 vectors"):
        replace(batch("a", ["one"]), vectors=np.ones((2, 8), np.float32))


LOST = """
import dataclasses, json, os, signal, time
from flows.services.shared import vector_store
from flows.services.supervise import is_reachable
from medley.errors import StoreUnavailable
from medley.settings import load_settings
from medley.stores.base import Scope
from medley.stores.connect import open_store
from tests.fakes import TEXT_MODEL, vector_of
from tests.store.test_store_milvus import batch, the
settings = load_settings()
with vector_store(settings) as address:
    store = open_store(dataclasses.replace(address, timeout_s=2.0))
    [name] = store.write("text", TEXT_MODEL, [batch("a", ["one"])])
    there = the(store, name)
    os.kill(json.loads((settings.run_dir / "milvus.json").read_text())["pid"], signal.SIGKILL)  # and so its service
    while is_reachable(address.uri.replace("http", "tcp")):
        time.sleep(0.05)
    calls = {
        "collections": lambda: store.collections(),
        "search_vector": lambda: store.search_vector(there, vector_of("one"), Scope(("speech",)), 5),
        "search_text": lambda: store.search_text(there, "one", Scope(("speech",)), 5),
        "count": lambda: store.count("a", "speech"),
        "delete": lambda: store.delete("a"),
        "write": lambda: store.write("text", TEXT_MODEL, [batch("a", ["two"], "w2")]),
        "open": lambda: open_store(address),
    }
    for name, call in calls.items():
        try:
            call()
            print(name, "answered")
        except StoreUnavailable as error:
            print(name, "unavailable", bool(error.remedy), len(str(error).splitlines()))
    store.close()
"""


@pytest.mark.whole  # make test-hard has it
def test_a_store_that_went_away(home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LOST], cwd=ROOT, capture_output=True, text=True, timeout=120)
    names = ("collections", "search_vector", "search_text", "count", "delete", "write", "open")
    assert done.stdout.splitlines() == [f"{name} unavailable True 1" for name in names], done.stderr
    assert done.stderr == ""
    assert of_medley(home) == []


def test_import_leaves_everybodys_log_handlers_alone() -> None:
    """They would be flushed and dropped under the logging lock, and Prefect's then waits for ever."""
    program = """
import logging
class Handler(logging.Handler):
    def flush(self): print("flushed")
    def emit(self, record): pass
logging.getLogger("mine").addHandler(Handler())
known = list(logging._handlerList)
import medley.stores.milvus
kept = all(handler in logging._handlerList for handler in known)
print(kept, logging.getLogger("pymilvus").isEnabledFor(logging.CRITICAL))
logging._handlerList.clear()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["True False"], done.stderr
