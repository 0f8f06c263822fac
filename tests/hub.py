"""A model hub on this machine: as much of its protocol as a download needs, over one directory of weights."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "c" * 40


@contextlib.contextmanager
def hub(name: str, directory: Path) -> Iterator[tuple[str, list[str]]]:
    """Serves `directory` as the repository `name`; gives the hub's URL and the list of what was asked for."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *a, **k: _Handler(name, directory, asked, *a, **k))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, name: str, directory: Path, asked: list[str], *args: Any, **kwargs: Any) -> None:
        self._name, self._directory, self._asked = name, directory, asked
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        self._asked.append(f"{self.command} {self.path}")
        prefix = f"/{self._name}/resolve/{COMMIT}/"
        if self.path.startswith(f"/api/models/{self._name}/tree/{COMMIT}"):
            self._answer(json.dumps([self._entry(file) for file in self._files()]).encode())
        elif self.path.startswith(f"/api/models/{self._name}/revision/"):
            siblings = [{"rfilename": file.name} for file in self._files()]
            self._answer(json.dumps({"id": self._name, "sha": COMMIT, "siblings": siblings}).encode())
        elif self.path.startswith(prefix):
            self._answer((self._directory / self.path.removeprefix(prefix)).read_bytes())
        else:
            self._answer(b"{}", 404)

    do_HEAD = do_GET

    def _files(self) -> list[Path]:
        return sorted(path for path in self._directory.iterdir() if path.is_file())

    def _entry(self, file: Path) -> dict[str, Any]:
        return {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": "a" * 40}

    def _answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Quiet."""
