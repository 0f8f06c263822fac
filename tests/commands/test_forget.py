"""`medley forget`: afterwards nothing below MEDLEY_HOME holds the words of a file or its name."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.services.environment import prepare_environment
from flows.services.shared import prefect_server
from medley.erasure.names import Names, alternation
from medley.erasure.prefect_database import clean_prefect
from medley.erasure.subjects import Subjects
from medley.erasure.text_files import files_that_name, mask_in_files
from medley.settings import Settings
from tests.conftest import Medley
from tests.documents import pdf, picture, placed, text

SECRET = "Purple elephants dance at midnight."
NAME = "Quokka_plan 8842 é.pdf"


def read_whole(home: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file with its content, Parquet and SQLite also as they decode it."""
    for path in sorted(home.rglob("*")):
        if path.is_file() and "ui" not in path.parts:
            yield path, path.read_bytes()
            if path.suffix == ".parquet":
                yield path, json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False).encode()


def forms(phrase: str) -> set[bytes]:
    plain = phrase.encode()
    coded = {base64.b64encode(b"\0" * n + plain)[-(-n * 8 // 6) : (n + len(plain)) * 8 // 6] for n in range(3)}
    return {plain, json.dumps(phrase)[1:-1].encode(), phrase.replace("_", "\\_").encode(), *coded}


def holders(home: Path, *phrases: str) -> set[str]:
    wanted = {form.lower() for phrase in phrases for form in forms(phrase)}
    found = {
        str(path.relative_to(home)) for path, content in read_whole(home) if any(w in content.lower() for w in wanted)
    }
    return found | {str(path) for path in home.rglob("*") for phrase in phrases if phrase in path.name}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents and a picture; one of the documents is to be forgotten."""
    made = tmp_path / "in"
    made.mkdir()
    pdf(made / NAME, text((72, 100, SECRET)), placed(picture(colour="green"), 100, 100, 200, 150))
    pdf(made / "other.pdf", text((72, 100, "Silver herons sleep at noon.")))
    picture(colour="red").save(made / "kept.png")
    return made


@pytest.fixture
def own_prefect(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Prefect server of this home: the session's has its database elsewhere."""
    prepare_environment(settings)
    with prefect_server(settings) as url:
        monkeypatch.setenv("PREFECT_API_URL", url)
        yield


def test_after_forget_no_file_holds_a_word_or_the_name(
    own_prefect: None, medley_here: Medley, folder: Path, settings: Settings
) -> None:
    assert medley_here("ingest", folder).code == 0
    (folder / NAME).rename(folder / "moved.pdf")  # it was also seen under a second name
    assert medley_here("ingest", folder).code == 0
    names = (NAME, "moved.pdf")
    before = holders(settings.home, SECRET, *names)
    assert any(path.startswith("prefect/") for path in before)
    assert any(path.startswith("runs/") for path in before)
    assert any(path.endswith(".parquet") for path in before)

    answer = medley_here("forget", folder / "moved.pdf", "--receipt")
    assert answer.code == 0, answer.err
    assert holders(settings.home, SECRET, *names) == set()
    assert set(answer.report["names"]) == set(names)
    assert all(place["clean"] for place in answer.report["places"])
    removed: dict[str, int] = {}
    for place in answer.report["places"]:
        removed |= place["removed"]
    assert min(removed[kind] for kind in ("records", "rows", "artifact", "events", "names", "bytes")) > 0, removed

    [hit] = medley_here("search", "silver herons", "--modality", "page", "--json").report["hits"]
    assert Path(hit["path"]).name == "other.pdf", "the others are found"
    again = medley_here("ingest", folder / "other.pdf", folder / "kept.png", "--json").report
    assert {item["status"] for item in again["items"]} == {"unchanged"}
    assert medley_here("forget", folder / "moved.pdf").code == 2, "nothing is known of it any more"


def test_what_cannot_be_cleaned_is_said(medley: Medley, folder: Path, settings: Settings) -> None:
    uploads = settings.home / "uploads"
    uploads.mkdir()
    shutil.copy(folder / NAME, uploads)
    assert medley("pdf", uploads / NAME).code == 0
    answer = medley("forget", uploads / NAME, "--receipt")
    unclean = {place["place"]: place["why"] for place in answer.report["places"] if not place["clean"]}
    assert answer.code == 1
    assert str(uploads / NAME) in unclean, "we delete no file of others"
    assert os.environ["PREFECT_API_URL"] in unclean, "the session's server is not this home's"
    assert str(uploads / NAME) in answer.err


def test_what_never_became_an_asset_can_be_forgotten(medley: Medley, folder: Path, settings: Settings) -> None:
    nowhere = folder / "nowhere-8842.pdf"
    assert medley("pdf", nowhere).code == 1
    assert [item["path"] for item in medley("status", "--json").report["items"]] == [str(nowhere)]
    answer = medley("forget", nowhere, "--receipt")
    assert answer.code == 0, answer.err
    assert (answer.report["assets"], answer.report["names"]) == ([], [nowhere.name])
    assert medley("status", "--json").report["items"] == []
    assert not holders(settings.home, nowhere.name)


@pytest.mark.parametrize(
    "name", [NAME, "a<b>&c.mp4", "tab\there.png", "x\udcff.jpg", "日本語.mov", "q'\"uote.wav", "a%20b.mp4"]
)
def test_names_are_found_as_they_are_written(tmp_path: Path, name: str) -> None:
    from medley.plain import markdown_text, portable_name, printable, to_json

    names = Names([f"/some/where/{name}"], ["/some/where/else.pdf"])
    log = tmp_path / "log.txt"
    ways = (
        portable_name(name),
        printable(name),
        markdown_text(name),
        to_json({"path": f"/some/where/{name}"}),
        json.dumps(name),
    )
    for way in ways:
        log.write_text(f"before {way} after\n", encoding="utf-8", errors="surrogateescape")
        size = log.stat().st_size
        assert mask_in_files([log], names) == {"files": 1, "names": 1}, way
        assert (log.stat().st_size, list(files_that_name([log], names))) == (size, [])
        assert log.read_bytes().startswith(b"before ")


def test_other_names_stay(tmp_path: Path) -> None:
    names = Names(["/a/one/page.pdf", "page.pdf", "/a/video"], ["/a/two/page.pdf", "/a/clip.mp4"])
    assert names.ends == {"one/page.pdf", "a/video"}, "what was typed may be the other one"
    log = tmp_path / "log.txt"
    said = "two/page.pdf everyone/page.pdf one/page.pdf.bak video data/video\n"
    log.write_text(said)
    assert mask_in_files([log], names) == {}
    assert log.read_text() == said


def test_without_a_name_nothing_is_masked(tmp_path: Path) -> None:
    names = Names([], ["/a/clip.mp4"])  # an asset of which no path is known any more
    log = tmp_path / "log.txt"
    log.write_text("clip.mp4 is fine\n")
    assert mask_in_files([log], names) == {}
    assert list(files_that_name([log], names)) == []
    parameters = json.dumps({"paths": ["/a/clip.mp4"]})
    database(tmp_path / "prefect.db", rows_of_prefect(parameters, "ab" * 32, "cd" * 32))
    clean_prefect(tmp_path / "prefect.db", Subjects({"ab" * 32}, set()), names)
    with sqlite3.connect(tmp_path / "prefect.db") as connection:
        assert {row[0] for row in connection.execute("SELECT parameters FROM flow_run")} == {parameters}
        assert [row[0] for row in connection.execute("SELECT id FROM artifact")] == ["a2", "a3"]


def test_thousands_of_names_make_one_pattern() -> None:
    import re

    words = [f"file-{n}.jpg" for n in range(5000)] + ["a" * 5000]
    pattern = re.compile(alternation(words))
    assert pattern.fullmatch("file-4711.jpg")
    assert pattern.fullmatch("a" * 5000)
    assert not pattern.search("file-5000.jpg file-.jpg")


def database(path: Path, rows: dict[str, list[dict[str, Any]]]) -> None:
    with sqlite3.connect(path) as connection:
        for table, values in rows.items():
            connection.execute(f"CREATE TABLE {table} ({', '.join(values[0])})")
            marks = ", ".join("?" * len(values[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", [tuple(row.values()) for row in values])


def rows_of_prefect(parameters: str, asset: str, other: str) -> dict[str, list[dict[str, Any]]]:
    """Tables as Prefect has them, with the columns that matter."""
    drawn = base64.b64encode(f"<svg><text>{NAME}</text></svg>".encode()).decode()
    shown = {"flow_run_id": "1", "description": ""}
    named = json.dumps({"name": NAME})
    event = {"related": "[]", "payload": "{}"}
    return {
        "flow_run": [
            {"id": "1", "state_type": "COMPLETED", "name": NAME, "parameters": parameters},
            {"id": "2", "state_type": "RUNNING", "name": "x", "parameters": parameters},
        ],
        "artifact": [
            {"id": "a1", "key": f"pages-{asset[:12]}", "data": SECRET, **shown},
            {"id": "a2", "key": f"pages-{other[:12]}", "data": "kept", **shown},
            {"id": "a3", "key": "stages-1", "data": f"![x](data:image/svg+xml;base64,{drawn})", **shown},
        ],
        "artifact_collection": [{"id": "c1", "key": f"pages-{asset[:12]}", "data": SECRET}],
        "events": [
            {"id": "e1", "resource_id": "prefect.artifact.a1", "resource": "", **event, "payload": SECRET},
            {"id": "e2", "resource_id": "prefect.flow-run.1", "resource": named, **event},
        ],
        "event_resources": [{"event_id": "e1", "resource": "x"}, {"event_id": "e2", "resource": named}],
        "log": [{"message": f"/in/{NAME} is fine; my{NAME} is another"}],
    }


def test_prefects_rows_of_a_running_flow_are_left_to_it(tmp_path: Path) -> None:
    parameters = json.dumps({"paths": [f"/in/{NAME}", "/in/other.pdf"], "nested": json.dumps({"path": f"/in/{NAME}"})})
    asset, file = "ab" * 32, tmp_path / "prefect.db"
    database(file, rows_of_prefect(parameters, asset, "cd" * 32))
    names = Names([f"/in/{NAME}"], ["/in/other.pdf"])
    removed, emptied = clean_prefect(file, Subjects({asset}, set(), flow_runs={"1"}), names)
    assert emptied
    by_table = {"artifact": 2, "artifact_collection": 1, "events": 2, "event_resources": 2, "flow_run": 2, "log": 1}
    assert removed == by_table
    with sqlite3.connect(file) as connection:
        kept = dict(connection.execute("SELECT id, parameters FROM flow_run"))
        assert json.loads(kept["1"])["paths"] == ["/in/(forgotten)", "/in/other.pdf"]
        assert json.loads(json.loads(kept["1"])["nested"]) == {"path": "/in/(forgotten)"}
        assert kept["2"] == parameters
        assert [row[0] for row in connection.execute("SELECT id FROM artifact")] == ["a2", "a3"]
        [message] = connection.execute("SELECT message FROM log").fetchone()
        assert message == f"/in/(forgotten) is fine; my{NAME} is another"
        connection.execute("UPDATE flow_run SET parameters = ''")
        connection.execute("UPDATE log SET message = ''")
    assert not any(form in file.read_bytes() for form in forms(SECRET))
