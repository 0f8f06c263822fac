"""Files behind URLs that fsspec knows, on a web server of this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flows._routing import files_of
from medley import objects
from medley.errors import MissingFile, TooLarge, TransientError
from tests.conftest import Medley
from tests.documents import pdf, picture, text


@dataclass
class Web:
    """A web server; `asked` are the requests, `tags` whether it says an ETag."""

    url: str
    asked: list[str] = field(default_factory=list)
    tags: bool = True

    def got(self) -> list[str]:
        """What was downloaded since the last call."""
        found = [request.split("/")[-1] for request in self.asked if request.startswith("GET")]
        self.asked.clear()
        return found


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, web: Web, *args: Any, **kwargs: Any) -> None:
        self._web = web
        super().__init__(*args, **kwargs)

    def end_headers(self) -> None:
        path = Path(self.translate_path(self.path))
        if self._web.tags and path.is_file():
            self.send_header("ETag", hashlib.sha256(path.read_bytes()).hexdigest())
        super().end_headers()

    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "Last-Modified" or self._web.tags:
            super().send_header(keyword, value)

    def log_request(self, *args: Any) -> None:
        self._web.asked.append(f"{self.command} {self.path}")

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """A folder with a picture, a text, and a document below, behind a web server."""
    root = tmp_path / "web"
    (root / "in" / "deep").mkdir(parents=True)
    picture().save(root / "in" / "red.png")
    (root / "in" / "notes.txt").write_text("nothing")
    pdf(root / "in" / "deep" / "page.pdf", text((72, 100, "Purple elephants dance.")))
    (root / "out.png").write_bytes(b"not below")
    found = Web("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, found, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}/in"
    yield found
    server.shutdown()
    server.server_close()


def test_a_page_of_links_is_a_folder_and_a_file_is_a_file(web: Web) -> None:
    refused: list[str] = []
    sources = [f"{web.url}/", f"{web.url}/red.png", f"{web.url}/no.png"]
    found = files_of(sources, lambda source, error: refused.append(source))
    red, notes, page = (f"{web.url}/{name}" for name in ("red.png", "notes.txt", "deep/page.pdf"))
    assert sorted(found) == sorted([red, notes, page, red])
    assert refused == [f"{web.url}/no.png"]


def test_what_is_there_becomes_searchable_and_is_downloaded_once(web: Web, medley: Medley, home: Path) -> None:
    answer = medley("ingest", f"{web.url}/", "--json")
    statuses = {item["path"].rsplit("/", 1)[1]: item["status"] for item in answer.report["items"]}
    assert statuses == {"red.png": "complete", "page.pdf": "complete", "notes.txt": "skipped"}
    assert list((home / "spool").glob("*")) == []
    [hit] = medley("search", "purple elephants", "--limit", "1", "--json").report["hits"]
    assert hit["path"] == f"{web.url}/deep/page.pdf"
    web.asked.clear()
    again = medley("image", f"{web.url}/red.png", "--json").report["items"]
    assert [item["status"] for item in again] == ["unchanged"]
    assert web.got() == [], "its ETag is known"


def test_without_a_tag_it_is_read_again_and_known_by_its_content(web: Web, medley: Medley) -> None:
    web.tags = False
    assert medley("image", f"{web.url}/red.png").code == 0
    web.got()
    [item] = medley("image", f"{web.url}/red.png", "--json").report["items"]
    assert item["status"] == "unchanged"
    assert "red.png" in web.got()


def test_what_is_wrong_with_a_url_is_told(web: Web, tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"no\.png: does not exist"):
        objects.head(f"{web.url}/no.png")
    with pytest.raises(TransientError, match="cannot be read"):
        objects.head("http://127.0.0.1:9/x.png")
    with pytest.raises(MissingFile, match="needs a package that is not here"):
        objects.head("sftp://somewhere/x.png")
    with pytest.raises(TooLarge, match="more than 10 bytes"):
        objects.fetch(f"{web.url}/red.png", tmp_path / "copy", most_bytes=10)
