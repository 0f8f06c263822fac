"""Files behind URLs that fsspec knows, on a web server of this machine."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import medley.sources.remote
import medley.sources.web
from flows.engine.routing import files_of
from medley.errors import MedleyError, MissingFile, TooLarge, TransientError
from medley.sources import urls as objects
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
    (root / "in" / "notes.log").write_text("nothing")
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
    red, notes, page = (f"{web.url}/{name}" for name in ("red.png", "notes.log", "deep/page.pdf"))
    assert sorted(found) == sorted([red, notes, page, red])
    assert refused == [f"{web.url}/no.png"]


def test_what_is_there_becomes_searchable_and_is_downloaded_once(web: Web, medley: Medley, home: Path) -> None:
    answer = medley("ingest", f"{web.url}/", "--json")
    statuses = {item["path"].rsplit("/", 1)[1]: item["status"] for item in answer.report["items"]}
    assert statuses == {"red.png": "complete", "page.pdf": "complete", "notes.log": "skipped"}
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


def page_of_links(*links: str) -> str:
    """A page as servers make of a folder."""
    return "<html>" + "".join(f'<a href="{link}">{link}</a>' for link in links) + "</html>"


@pytest.fixture
def pages(web: Web, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Pages and redirects (a value that begins with `->`) by path; the server's folder has the rest."""
    made: dict[str, str] = {}
    whole = _Handler.send_head

    def send_head(self: _Handler) -> Any:
        self._web.asked.append(self.path)
        answer = made.get(self.path) or next(
            (a for p, a in made.items() if p.endswith("*") and self.path.startswith(p[:-1])), ""
        )
        if not answer:
            return whole(self)
        if answer.startswith("->"):
            self.send_response(302)
            self.send_header("Location", answer[2:])
            self.send_header("Content-Length", "0")
            SimpleHTTPRequestHandler.end_headers(self)
            return None
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(answer)))
        SimpleHTTPRequestHandler.end_headers(self)
        return io.BytesIO(answer.encode())

    monkeypatch.setattr(_Handler, "send_head", send_head)
    return made


def test_links_lead_to_nothing_above_or_beside_the_folder(web: Web, pages: dict[str, str]) -> None:
    root = web.url.removesuffix("/in")
    pages["/in/"] = page_of_links(
        *("../out.png", "%2e%2e/out.png", "deep/../../out.png", "/out.png", "deep/..%2F../out.png"),
        *(f"{root}/in/../out.png", f"{root}x/in/x.png"),
        *("red.png", "./red.png", "red.png#part", "deep/../red.png", "?C=N;O=D", "deep/"),
    )
    refused: list[str] = []
    found = list(files_of([f"{web.url}/"], lambda source, error: refused.append(source)))
    assert sorted(found) == [f"{web.url}/deep/page.pdf", f"{web.url}/red.png"]
    assert refused == []


@pytest.mark.parametrize("links", [("again/", "red.png"), ("again/", "more/", "red.png")])
def test_folders_without_an_end_are_left_and_it_is_said(
    web: Web, pages: dict[str, str], monkeypatch: pytest.MonkeyPatch, links: tuple[str, ...]
) -> None:
    monkeypatch.setattr(medley.sources.remote, "_MOST_FOLDERS", 50)
    pages["/in/*"] = page_of_links(*links)
    told: list[MedleyError] = []
    found = list(files_of([f"{web.url}/line/"], lambda source, error: told.append(error)))
    assert len(found) == len(set(found)) > 30
    assert [type(error) for error in told] == [TooLarge]
    assert "without end" in told[0].reason


@pytest.mark.parametrize("host", ["127.0.0.2", "[::ffff:127.0.0.2]", "169.254.169.254", "[::1]", "0.0.0.0"])
def test_a_server_sends_nobody_into_private_networks(
    web: Web, pages: dict[str, str], host: str, tmp_path: Path
) -> None:
    port = urlsplit(web.url).port
    pages["/in/away.png"] = f"->http://{host}:{port}/in/red.png"
    with pytest.raises(MissingFile, match="no public address"):
        objects.head(f"{web.url}/away.png")
    with pytest.raises(MissingFile, match="no public address"):
        objects.fetch(f"{web.url}/away.png", tmp_path / "copy")
    assert not any("red.png" in request for request in web.asked)


def test_a_redirect_within_the_server_is_followed(web: Web, pages: dict[str, str]) -> None:
    pages["/in/away.png"] = "->/in/red.png"
    assert objects.head(f"{web.url}/away.png").size_bytes == objects.head(f"{web.url}/red.png").size_bytes


@pytest.mark.parametrize(
    ("address", "public"),
    [
        *(("93.184.216.34", True), ("2606:2800:220:1::", True), ("127.0.0.1", False), ("10.1.2.3", False)),
        *(("169.254.169.254", False), ("::1", False), ("fe80::1%eth0", False), ("::ffff:10.0.0.1", False)),
        *(("64:ff9b::7f00:1", False), ("64:ff9b::5db8:d822", True), ("100.64.0.1", False), ("0.0.0.0", False)),
    ],
)
def test_which_addresses_are_public(address: str, *, public: bool) -> None:
    assert medley.sources.web.is_public(address) is public


def test_two_colons_are_part_of_a_name(web: Web, tmp_path: Path) -> None:
    picture().save(tmp_path / "web" / "in" / "a::file:red.png")
    found = objects.head(f"{web.url}/a::file:red.png")
    objects.fetch(found.url, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "web" / "in" / "a::file:red.png").read_bytes()


def test_a_password_in_an_address_is_neither_used_nor_shown(web: Web, medley: Medley, home: Path) -> None:
    address = f"{web.url}/red.png".replace("://", "://somebody:s3cret/p@ss@".replace("/p", "p"))
    for verb in ("image", "ingest", "plan"):
        answer = medley(verb, address, "--json")
        assert "s3cret" not in answer.out + answer.err
        [item] = answer.report["items"]
        assert item["path"] == f"{web.url}/red.png".replace("://", "://somebody:***@")
        if verb != "plan":
            assert "~/.netrc" in item["error"]["message"]
    assert web.asked == []
    assert not any(b"s3cret" in path.read_bytes() for path in home.rglob("*") if path.is_file())
