"""Names of any bytes and hostile words: found again as they are, shown as text, never live."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from rich.markup import escape

from flows.commands.console import PlainConsole
from flows.engine.routing import files_of
from medley.catalog import Location, open_catalog
from medley.catalog.known import paths_below
from medley.catalog.uploads import Upload, Uploads
from medley.errors import MedleyError, MissingFile
from medley.export import markdown
from medley.plain import markdown_text, native_name, portable_name, printable, to_json
from medley.settings import Settings
from medley.sources.stability import entries_in, files_in
from medley.subtitles import srt, vtt
from medley.types import Segment, Word

LATIN1 = os.fsdecode(b"/in/caf\xe9 \xff.mp4")
HOSTILE = "a\x1b]52;c;aGk=\x07b\x9b31mc\u202ed\u2066e\x7f\rf\u2028g"
LIVE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.mark.parametrize("name", [LATIN1, "/in/plain.mp4", "/in/ü字.mp4", "/in/\ufdd0ab.mp4", "/in/a\nb.mp4"])
def test_a_name_is_kept_as_it_is(name: str) -> None:
    assert native_name(portable_name(name)) == name
    portable_name(name).encode()  # it is Unicode
    assert json.loads(to_json({"path": name})) == {"path": name}
    to_json({"path": name}).encode()


def test_bytes_are_shown_by_their_number() -> None:
    assert printable(LATIN1) == "/in/caf\\xe9 \\xff.mp4"
    assert printable("ü字\n", keep="\n") == "ü字\n"


def test_nothing_live_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    PlainConsole().print(escape(HOSTILE), "[bold]mine[/]", soft_wrap=True)
    printed = capsys.readouterr().out
    assert "\\x1b]52;c;aGk=b\\x9b31mc\\u202ed\\u2066e\\x7f" in printed  # Rich takes the bell and the return out
    assert not LIVE.search(printed)
    assert not LIVE.search(to_json({"a": HOSTILE, "b": [LATIN1]}, indent=1))


def test_exports_carry_no_markup() -> None:
    words = '<script>x</script> ![](http://evil/x.png) {\\an8}<font color="red">hi'
    said = [Segment(0.0, 1.0, words, (Word(0.0, 1.0, words),))]
    assert "<" not in srt(said).replace("-->", "")
    assert "{" not in srt(said)
    assert "<" not in vtt(said)
    page = markdown([{"page": 1, "blocks": [{"text": words}]}])
    assert re.search(r"(?<!\\)[<\[]", page) is None
    assert markdown_text("[a](b)\n<i>") == r"\[a\](b) \<i\>"


def test_the_catalog_knows_names_of_any_bytes(settings: Settings) -> None:
    catalog = open_catalog(settings)
    known = Location(LATIN1, "a" * 64, 1, 1, "1")
    catalog.upsert_location(known, None)
    catalog.record_path_failure(os.fsdecode(b"/in/\xfe"), {"type": "MissingFile"})
    assert catalog.location(LATIN1) == known
    assert catalog.newest_locations(["a" * 64]) == {"a" * 64: LATIN1}
    assert set(paths_below(catalog.engine, "/in")) == {LATIN1, os.fsdecode(b"/in/\xfe")}
    uploads = Uploads(catalog.engine)
    landed = Upload(LATIN1, os.fsdecode(b"/\xe9"), "1", "keep")
    uploads.record([landed])
    assert uploads.unknown([landed]) == []
    assert uploads.waiting_paths(5) == [LATIN1]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o000)
    (tmp_path / "a.mp4").write_bytes(b"x")
    tmp_path.chmod(0o755)
    refused: list[tuple[str, MedleyError]] = []
    reader, writer = os.pipe()
    if not (child := os.fork()):
        os.chdir(tmp_path)
        os.setuid(65_534)
        found = list(files_of(["."], lambda source, error: refused.append((source, error))))
        os.write(writer, json.dumps([found, [(source, str(error)) for source, error in refused]]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    found, told = json.loads(os.read(reader, 10_000))
    assert found == ["a.mp4"]
    assert [source for source, _ in told] == ["./closed"]
    assert "cannot be listed: Permission denied" in told[0][1]


def test_a_list_with_odd_lines(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"there")
    (tmp_path / "list.txt").write_bytes(b"a.mp4\n~nosuchuser/c.mp4\ncaf\xc3\xa9.mp4\n")
    refused: list[str] = []
    found = list(files_of([str(tmp_path / "list.txt")], lambda source, error: refused.append(source)))
    assert [Path(path).name for path in found] == ["a.mp4", "c.mp4", "café.mp4"]
    assert refused == []


def test_names_of_any_bytes_are_listed(tmp_path: Path) -> None:
    odd = os.path.join(os.fsencode(tmp_path), b"caf\xe9.mp4")
    with open(odd, "wb"):
        pass
    assert [os.fsencode(path) for path in entries_in(tmp_path)] == [odd]


def test_a_folder_may_be_called_done(tmp_path: Path) -> None:
    """Only in the upload folder is it one of ours."""
    for name in ("done", "failed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "talk.mp4").touch()
    refused: list[str] = []
    found = list(files_of([str(tmp_path)], lambda source, error: refused.append(source)))
    assert (sorted(Path(path).parent.name for path in found), refused) == (["done", "failed"], [])
    assert list(files_in(tmp_path)) == []


def test_a_path_that_cannot_be_one(settings: Settings) -> None:
    from medley.sources.identify import identify

    with pytest.raises(MissingFile, match="NUL byte"):
        identify("a\0b.mp4", "video", open_catalog(settings), settings.limits, settings.spool)
