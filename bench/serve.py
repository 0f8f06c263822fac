"""How quick is the service with many records? `make bench-serve`: 100,000 records, searches at a steady rate.

On Milvus Lite at 5 searches a second, on a Milvus server at 20 and at 10. Requests are made by locust
(`make bench-setup`), at a rate that does not wait for answers; then: the time of the first answer after a start, and
the service's memory. `python bench/serve.py DIRECTORY` keeps Lite's store there, and takes it as it is the next time.
"""

from __future__ import annotations

import contextlib
import csv
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from pymilvus import MilvusClient

from bench.results import keep
from flows.serve.local import find_here
from flows.serve.request import SearchRequest
from flows.services.shared import free_port, vector_store
from medley.models.base import ModelSpec, unit
from medley.models.profiles import models_for
from medley.options import VideoOptions
from medley.search import query_encoder
from medley.settings import Settings, load_settings
from medley.stores.base import RecordBatch
from medley.stores.connect import open_store
from medley.types import Row
from tests.fakes import asset_id
from tests.milvus_server import milvus_server
from tests.world.sentences import make_sentence

_TEXTS, _PICTURES, _OF_A_FILE = 70_000, 30_000, 200
_SECONDS = 60
_MERGED_S = 60.0  #: until a server has merged segments; nothing tells when
_SECRET = "of-the-benchmark"  # noqa: S105
ROOT = Path(__file__).parents[1]


def fill(settings: Settings) -> None:
    """Writes the records: sentences of the demo world with vectors around few directions, as real ones have."""
    rng, models = random.Random(5), models_for(VideoOptions.model_validate({"profile": "demo"}), settings)
    with vector_store(settings) as address, contextlib.closing(open_store(address)) as store:
        for space, model, count in (("text", models.text, _TEXTS), ("image", models.vision, _PICTURES)):
            _fill(store, space, (model, query_encoder(model).dim, count), rng)
    if settings.store.uri:
        _settle(settings.store.uri)


def _settle(uri: str) -> None:
    """As a server does by itself with what has been there for ten minutes: segments are closed, indexed and merged."""
    with contextlib.closing(MilvusClient(uri)) as client:
        for name in client.list_collections():
            client.flush(name)
        for name in client.list_collections():
            while client.describe_index(name, "vector")["pending_index_rows"]:
                time.sleep(1)
    time.sleep(_MERGED_S)


def _fill(store: Any, space: str, what: tuple[ModelSpec, int, int], rng: random.Random) -> None:
    model, dim, count = what
    noise = np.random.default_rng(7)
    centres = unit(noise.normal(size=(300, dim)))
    modality = "speech" if space == "text" else "frame"
    for n in range(0, count, _OF_A_FILE):
        near = centres[noise.integers(300, size=_OF_A_FILE)]
        vectors = unit(near + noise.normal(size=near.shape) * 0.04)
        texts = [make_sentence(rng) if space == "text" else "" for _ in range(_OF_A_FILE)]
        rows = [Row(modality, text, at * 5000, at * 5000 + 4000) for at, text in enumerate(texts)]
        batch = RecordBatch(asset_id(f"{space} {n}"), space, "f" * 32, "w" * 32, rows, vectors)
        store.write(space, model, [batch])


@contextlib.contextmanager
def serving(env: dict[str, str]) -> Iterator[tuple[str, psutil.Process, float]]:
    """A service: its URL, its process, and the seconds until its first answer."""
    port = str(free_port())
    began = time.monotonic()
    command = [sys.executable, "-P", "-m", "medley", "serve", "--port", port]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        while not (found := _answer(url)):
            time.sleep(0.05)
        first = time.monotonic() - began
        while found["loading"]:
            found = _answer(url) or found
        for _ in range(20):  # a standing service: threads have their stores, everything is imported
            _answer(url)
        yield url, psutil.Process(process.pid), first
    finally:
        process.terminate()
        process.wait()


def _answer(url: str) -> dict[str, Any] | None:
    with contextlib.suppress(httpx.TransportError):
        headers = {"Authorization": f"Bearer {_SECRET}"}
        answer = httpx.get(f"{url}/api/search", params={"query": "the red circle"}, headers=headers, timeout=60)
        return answer.raise_for_status().json()  # type: ignore[no-any-return]
    return None


def load(url: str, rate: int, directory: Path) -> dict[str, float]:
    """Searches at a rate; milliseconds by percentile, and failures."""
    users = rate * 4  # each asks once in four seconds: an answer that is late delays no other request
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "bench" / "locust_search.py"), "--headless", "-u"]
    how = [str(users), "-r", str(users), "-t", f"{_SECONDS}s", "-H", url, "--csv", str(directory / "load")]
    how += ["--only-summary", "--exit-code-on-error", "0"]
    env = {**os.environ, "MEDLEY_BENCH_SECRET": _SECRET, "PYTHONPATH": f"{ROOT}:{ROOT / '.bench'}"}
    subprocess.run([*command, *how], env=env, check=True, capture_output=True)
    with (directory / "load_stats.csv").open() as file:
        total = next(row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
    print((directory / "load_failures.csv").read_text(), end="")
    names = {"median": "50%", "p95": "95%", "p99": "99%", "failures": "Failure Count", "rate": "Requests/s"}
    return {name: float(total[column]) for name, column in names.items()}


def measure(name: str, rate: int, home: Path, env: dict[str, str]) -> dict[str, float]:
    """Fills a store, serves it and asks."""
    with _environment(env):
        began, filled = time.monotonic(), Path(env["MEDLEY_HOME"]) / "filled"
        if not filled.exists():
            fill(load_settings())
            filled.touch()
            print(f"{name}: filled in {time.monotonic() - began:.0f} s", flush=True)
        with vector_store(load_settings()), _standing(), serving(dict(os.environ)) as (url, process, first):
            found = load(url, rate, home)
            mb = process.memory_info().rss / 1e6
    told = {**found, "first_s": round(first, 1), "mb": round(mb), "asked": rate}
    print(f"{name}: {told}", flush=True)
    return told


@contextlib.contextmanager
def _standing() -> Iterator[None]:
    """With a store that has answered before: the service's own start is measured."""
    find_here(SearchRequest(query="the red circle"), load_settings())
    yield


@contextlib.contextmanager
def _environment(env: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def main() -> None:
    """Both stores, one after the other."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-serve") as directory:
        base = Path(sys.argv[1] if len(sys.argv) > 1 else directory).absolute()
        base.mkdir(exist_ok=True)
        ours = {"MEDLEY_PROFILE": "demo", "MEDLEY_TOKEN": _SECRET, "MEDLEY_SERVE__PER_MINUTE": "1000000"}
        found["lite"] = measure("Milvus Lite", 5, base, {**ours, "MEDLEY_HOME": str(base / "lite")})
        with milvus_server(Path(directory)) as uri:
            env = {**ours, "MEDLEY_HOME": f"{directory}/server", "MEDLEY_STORE__URI": uri}
            for rate in (20, 10):
                found[f"server at {rate}"] = measure("Milvus server", rate, base, env)
    keep("serve", found)


if __name__ == "__main__":
    main()
