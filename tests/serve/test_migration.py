"""A migration under constant searches: every answer is of one generation and none is empty, whatever is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT, artifacts_made, eventually
from tests.serve.conftest import Served, serving

_NOTES = 40
_QUERY = "keeper counts migrating geese"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, prefect_url: str) -> Iterator[Served]:
    """A service over notes, each of which is one passage, and several where passages are short."""
    base = tmp_path_factory.mktemp("migrated")
    (base / "files").mkdir()
    (base / "files" / "broken.pdf").write_bytes(b"%PDF-1.4 this is no document")
    for n in range(_NOTES):
        told = (
            f"The keeper of lighthouse {n} paints its tower each spring. In autumn the keeper counts migrating geese. "
        )
        (base / "files" / f"{n}.md").write_text(f"# Of lighthouse {n}\n\n{told * 2}The dog barks at gulls.\n")
    with serving(base, prefect_url) as found:
        yield found


def start(served: Served, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "medley", "migrate", *arguments]
    return subprocess.Popen(command, env=served.env, cwd=ROOT, text=True, stderr=subprocess.PIPE)


def migrate(served: Served, *arguments: str) -> None:
    with start(served, *arguments) as process:
        told = process.communicate(timeout=240)[1]
    assert process.returncode == 0, told


class Searching(threading.Thread):
    """Asks all the time, and notes what each answer tells."""

    def __init__(self, served: Served) -> None:
        super().__init__(daemon=True)
        self._served, self._ended = served, threading.Event()
        self.answers: list[frozenset[str]] = []
        self.faults: list[str] = []

    def run(self) -> None:
        """Until `end`."""
        with self._served.client() as client:
            while not self._ended.is_set():
                answer = client.post("/api/search", json={"query": _QUERY, "limit": 10, "modalities": ["page"]})
                found = answer.json()
                if answer.status_code != httpx.codes.OK or found["loading"]:
                    self.faults.append(answer.text[:200])
                    continue
                self.answers.append(frozenset(e["text"] for hit in found["hits"] for e in hit["evidence"]))

    def end(self) -> None:
        """Ends."""
        self._ended.set()
        self.join()


def records(served: Served, generation: str) -> set[str]:
    """What stands in all records of a generation."""
    out = Path(tempfile.mkdtemp(dir=served.files.parent))
    env = {**served.env, "MEDLEY_STORE__GENERATION": generation}
    command = [sys.executable, "-P", "-m", "medley", "export", "--format", "jsonl", "--out", str(out)]
    subprocess.run(command, env=env, cwd=ROOT, check=True, capture_output=True)
    lines = [line for file in out.glob("*.jsonl") for line in file.read_text().splitlines()]
    return {json.loads(line)["text"] for line in lines}


def searched(served: Served) -> str:
    with served.client() as client:
        return str(client.get("/api/health").json()["generation"])


@pytest.fixture
def searching(standing: Served) -> Iterator[Searching]:
    """Searches, until the test is over."""
    asking = Searching(standing)
    asking.start()
    yield asking
    asking.end()


def kill_half_way(served: Served, *arguments: str) -> None:
    """Kills a migration when it has made a part of its artifacts."""
    before = artifacts_made(served.home)
    with start(served, *arguments) as process:
        eventually(lambda: artifacts_made(served.home) > before + _NOTES // 2, 120)
        process.send_signal(signal.SIGKILL)
        process.communicate()


def gone_over(served: Served, searching: Searching, generation: str) -> int:
    """Waits until the service searches a generation; how many answers there were when it surely did."""
    eventually(lambda: searched(served) == generation, 60)
    last = len(searching.answers) + 4  # those on their way
    eventually(lambda: len(searching.answers) > last + 5, 60)
    return last


def test_under_constant_searches(standing: Served, searching: Searching) -> None:
    old = records(standing, "1")
    kill_half_way(standing, "--passages.max_tokens", "16", "--yes")
    with start(standing, "--switch") as refused:
        assert "lacks records" in refused.communicate(timeout=120)[1]
    migrate(standing, "--yes")
    new = records(standing, "2")
    assert not old & new
    assert all(answer <= old for answer in searching.answers), "until the switch nobody sees the new one"

    asked = len(searching.answers)
    migrate(standing, "--switch")
    asked_after = gone_over(standing, searching, "2")
    assert all(answer <= old or answer <= new for answer in searching.answers[asked:]), "no answer is of both"
    assert all(answer <= new for answer in searching.answers[asked_after:])

    migrate(standing, "--back")
    migrate(standing, "--drop")
    last = gone_over(standing, searching, "1")
    assert all(answer <= old for answer in searching.answers[last:])
    assert searching.faults == []
    assert all(searching.answers), "no answer is empty"
    assert records(standing, "1") == old
