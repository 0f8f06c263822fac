"""An index of a video, a document and pictures, and its service in a process of its own, for all tests of a worker."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from PIL import Image

from flows.commands.cli import main
from medley.system import stop
from tests.conftest import ROOT, SAMPLE, _free_port, eventually
from tests.documents import both, pdf, text
from tests.world.evaluation import load_pictures

SECRET = "the-secret-of-the-tests"
#: Words of the document's second page, and where they stand.
TITLE = "Ornithology of the northern inlets"
PAGE_TWO = "The lighthouse keeper counts migrating geese every autumn."


@dataclass(frozen=True)
class Served:
    """A running service, and the environment of its home."""

    url: str
    home: Path
    files: Path
    env: dict[str, str]
    pid: int

    def client(self, **how: Any) -> httpx.Client:
        """A client with the secret."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {SECRET}"}, timeout=60, **how)

    def hits(self, query: str, **how: Any) -> list[dict[str, Any]]:
        """The hits of a search."""
        with self.client() as client:
            answer = client.post("/api/search", json={"query": query, **how})
        assert answer.status_code == httpx.codes.OK, answer.text
        found: list[dict[str, Any]] = answer.json()["hits"]
        return found


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, prefect_url: str) -> Iterator[Served]:
    """The index, and its service."""
    base = tmp_path_factory.mktemp("served")
    make_files(base / "files")
    with serving(base, prefect_url) as found:
        yield found


def make_files(files: Path) -> None:
    """The sample, a document of two pages, six pictures, and a document that is none."""
    files.mkdir()
    first = both(text((60, 90, "An introduction to the coast.")), lambda canvas: canvas.setTitle(TITLE))
    pdf(files / "birds.pdf", first, text((60, 120, PAGE_TWO)))
    os.link(SAMPLE, files / "sample.mp4")
    for picture in load_pictures()[:6]:
        Image.open(picture.path).save(files / f"{picture.scene.caption.replace(' ', '-')}.png")
    (files / "broken.pdf").write_bytes(b"%PDF-1.4 this is no document")


@contextlib.contextmanager
def serving(base: Path, prefect_url: str) -> Iterator[Served]:
    """Ingests the files below `base`, and serves them until the block ends."""
    files, home, port = base / "files", base / "home", str(_free_port())
    ours = {"MEDLEY_HOME": str(home), "MEDLEY_PROFILE": "demo", "MEDLEY_TOKEN": SECRET, "MEDLEY_RUNNER": "local"}
    limits = {"MEDLEY_SERVE__PORT": port, "MEDLEY_SERVE__PER_MINUTE": "100000", "MEDLEY_SERVE__UPLOAD_MB": "3"}
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MEDLEY_")]:
            patch.delenv(name)
        for name, value in {**ours, **limits, "PREFECT_API_URL": prefect_url}.items():
            patch.setenv(name, value)
        env = dict(os.environ)
        stop.clear_stop()
        assert main(["ingest", str(files), "--json"]) == 1, "the broken document, and nothing else"
    log = (base / "serve.log").open("wb")
    command = [sys.executable, "-P", "-m", "medley", "serve"]
    with log, subprocess.Popen(command, env=env, cwd=ROOT, stdout=log, stderr=log) as process:
        try:
            yield _when_ready(Served(f"http://127.0.0.1:{port}", home, files, env, process.pid), process, base)
        finally:
            process.terminate()
            assert process.wait(60) == 0, (base / "serve.log").read_text()


def _when_ready(found: Served, process: subprocess.Popen[bytes], base: Path) -> Served:
    def answers() -> bool:
        assert process.poll() is None, (base / "serve.log").read_text()
        try:
            with found.client() as client:
                return not client.get("/api/search", params={"query": "ready"}).json().get("loading", True)
        except httpx.TransportError:
            return False

    eventually(answers, 120)
    return found


@dataclass(frozen=True)
class Receiver:
    """Where webhooks are told: what was heard, signature and body of each."""

    url: str
    heard: list[tuple[str, bytes]]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The bodies."""
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that listens to webhooks."""
    heard: list[tuple[str, bytes]] = []

    class Listening(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers["X-Medley-Signature"], body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Listening)
    Thread(target=server.serve_forever, daemon=True).start()
    yield Receiver(f"http://127.0.0.1:{server.server_port}/", heard)
    server.shutdown()
    server.server_close()
