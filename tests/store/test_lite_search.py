"""Our searches of Milvus Lite find what its own find: in several segments, and in what is not flushed yet."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.services.shared import free_port
from flows.services.supervise import is_reachable
from medley.models.base import ModelSpec, unit
from medley.run import StoreAddress
from medley.stores import lite_search
from medley.stores.base import RecordBatch, Scope, VectorStore
from medley.stores.connect import open_store
from medley.types import Row
from tests.conftest import eventually
from tests.fakes import asset_id
from tests.world.sentences import make_sentence

OURS = [sys.executable, "-P", "-m", "medley.stores.lite_server"]
THEIRS = [str(Path(sys.executable).with_name("milvus-lite")), "server"]
MODEL = ModelSpec("text", "fake", "fake/sixteen", "1", "float32")
RNG = random.Random(8)
SENTENCES = [make_sentence(RNG) for _ in range(300)]


@contextlib.contextmanager
def server(program: list[str], data: Path, *, killed: bool = False) -> Iterator[VectorStore]:
    """A store on a server, which is ended in order, or at once."""
    port = free_port()
    command = [*program, "--data-dir", str(data), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: process.poll() is not None or is_reachable(f"tcp://127.0.0.1:{port}"), 60)
        store = open_store(StoreAddress(f"http://127.0.0.1:{port}", "key"))
        yield store
        store.close()
    finally:
        (process.kill if killed else process.terminate)()
        process.wait(30)


def batch(owner: str, count: int, write_id: str, modality: str = "speech") -> RecordBatch:
    """So many records of an asset, of sentences that come again in others."""
    texts = [RNG.choice(SENTENCES) for _ in range(count)]
    rows = [Row(modality, text, n * 1000, n * 1000 + 900) for n, text in enumerate(texts)]
    vectors = unit(np.random.default_rng(RNG.randrange(1 << 30)).normal(size=(count, 16)))
    return RecordBatch(asset_id(owner), "speech", "f" * 32, write_id, rows, vectors)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three segments with rows that were replaced and deleted, and a log that is not flushed."""
    made = tmp_path_factory.mktemp("lite") / "milvus"
    with server(OURS, made) as store:
        store.write("text", MODEL, [batch(f"a{n}", 60, "w1") for n in range(6)])
    with server(OURS, made) as store:
        store.write("text", MODEL, [batch(f"b{n}", 60, "w1", "page") for n in range(6)])
        store.write("text", MODEL, [batch("a0", 20, "w2"), batch("a1", 80, "w2")])
        store.delete(asset_id("a2"))
    with server(OURS, made, killed=True) as store:
        store.write("text", MODEL, [batch("b0", 30, "w2", "page"), batch("c0", 50, "w1")])
        store.delete(asset_id("b1"))
    return made


SCOPES = [
    Scope(),
    Scope(modalities=("page",)),
    Scope(asset_ids=frozenset({asset_id("a1"), asset_id("b0"), asset_id("c0")})),
    Scope(asset_ids=frozenset({asset_id("a2")})),
]


def answers(store: VectorStore) -> list[list[tuple[str, float]]]:
    """What forty searches find: ids and scores, those of equal scores in any order."""
    [collection] = store.collections()
    rng, found = np.random.default_rng(5), []
    for n, vector in enumerate(unit(rng.normal(size=(20, 16)))):
        scope = SCOPES[n % len(SCOPES)]
        hits = [*store.search_vector(collection, vector, scope, 25)]
        words = [*store.search_text(collection, SENTENCES[n * 7], scope, 2000)]
        found += [[(hit.record_id, hit.score) for hit in some] for some in (hits, words)]
    return [sorted(some) for some in found]


def test_both_find_the_same(data: Path) -> None:
    told: Any = []
    for program in (THEIRS, OURS):
        with server(program, data, killed=True) as store:
            told.append(answers(store))
    theirs, ours = told
    assert [len(some) for some in ours] == [len(some) for some in theirs]
    assert sum(map(len, theirs)) > 1000
    for one, other in zip(theirs, ours, strict=True):
        assert [record_id for record_id, _ in one] == [record_id for record_id, _ in other]
        np.testing.assert_allclose([score for _, score in one], [score for _, score in other], rtol=1e-4, atol=1e-5)


def test_the_version_of_lite_is_one_that_we_know() -> None:
    """Another one runs with its own searches; see lite_search.install."""
    assert lite_search.get_version().startswith(lite_search._KNOWN)
