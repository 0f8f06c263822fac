"""Going over to other options: the index as it is answers until the new one is whole; and back."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from flows.services.shared import vector_store
from medley.catalog import open_catalog
from medley.generations import every_address
from medley.models.profiles import PROFILES
from medley.option_values import Profile
from medley.settings import Settings
from medley.stores.connect import open_store
from tests.conftest import Medley
from tests.documents import pdf, picture, text

LONG = "The keeper of the {0} lighthouse paints its tower each spring. "
MORE = "In autumn the {0} keeper counts migrating geese. The {0} dog barks at gulls that steal his fish."


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Three notes of one passage, which are several where passages are short."""
    made = tmp_path / "in"
    made.mkdir()
    for name in ("zorn", "quill", "umber"):
        (made / f"{name}.md").write_text(f"# {name}\n\n{(LONG + MORE).format(name)}\n")
    return made


@pytest.fixture(autouse=True)
def _short_passages(medley: Medley, files: Path) -> None:
    assert medley("ingest", files).code == 0


def passages(medley: Medley, name: str) -> list[str]:
    """What a search finds in one of the notes."""
    found = json.loads(medley("search", f"{name} keeper counts geese", "--json").out)["hits"]
    return [piece["text"] for hit in found if hit["path"] and name in hit["path"] for piece in hit["evidence"]]


def test_the_price_first_and_then_the_least(medley: Medley, files: Path, tmp_path: Path) -> None:
    before = passages(medley, "zorn")
    price = json.loads(medley("migrate", "--passages.max_tokens", 16, "--json").out)
    assert (price["generation"], price["files"]) == ("2", 3)
    assert price["seconds"]["likely"] > 0

    made = medley("migrate", "--yes", "--json").report
    assert {item["status"] for item in made["items"]} == {"complete"}
    states = {stage["name"]: stage["state"] for stage in made["items"][0]["stages"]}
    assert (states["read_document"], states["chunk_document"]) == ("cached", "completed"), "the least is done again"
    assert passages(medley, "zorn") == before, "the index as it was answers"

    judged = tmp_path / "judged.jsonl"
    judged.write_text(json.dumps({"query": "zorn keeper counts geese", "relevant": [{"file": "zorn.md"}]}) + "\n")
    compared = medley("migrate", "--eval", judged)
    assert compared.code in (0, 1)
    assert "differs from generation 1" in compared.out


def test_there_and_back(medley: Medley, files: Path) -> None:
    before = passages(medley, "zorn")
    assert medley("migrate", "--passages.max_tokens", 16, "--yes").code == 0
    assert medley("migrate", "--switch").code == 0
    after = passages(medley, "zorn")
    assert after != before
    assert max(map(len, after)) < max(map(len, before))
    again = medley("ingest", files, "--json").report
    assert {item["status"] for item in again["items"]} == {"unchanged"}, "runs have the options of the generation"
    assert again["prefect_url"] is None
    assert medley("verify", *files.iterdir()).code == 0

    (files / "later.md").write_text(f"# later\n\n{LONG.format('later')}\n")
    assert medley("ingest", files).code == 0
    back = medley("migrate", "--back")
    assert back.code == 0
    assert "1 files are gone over" in back.err
    assert passages(medley, "zorn") == before
    assert passages(medley, "later"), "what came since the switch is there, too"

    assert medley("migrate", "--drop").code == 0
    assert "generation 2" not in medley("migrate", "--status").out
    assert medley("verify", *files.iterdir()).code == 0


def test_what_is_partly_lost_is_not_done_again(medley: Medley, files: Path) -> None:
    whole = pdf(files / "a.pdf", text((72, 100, "Zorn counts geese.")))
    picture((300, 200)).save(files / "whole.png")
    (files / "cut.png").write_bytes((files / "whole.png").read_bytes()[:-40])
    assert whole.exists()
    assert medley("ingest", files).code == 1
    asked = ("migrate", "--passages.max_tokens", 16, "--yes", "--json")
    assert sorted({item["status"] for item in medley(*asked).report["items"]}) == ["complete", "partial"]
    again = medley(*asked).report
    assert [item["stages"] for item in again["items"] if item["status"] == "partial"] == [[]]
    assert again["prefect_url"] is None, "nothing is started"


def test_a_file_that_is_gone_keeps_its_records(medley: Medley, files: Path) -> None:
    (files / "quill.md").unlink()
    made = medley("migrate", "--passages.max_tokens", 16, "--yes", "--json").report
    assert {item["status"] for item in made["items"]} == {"complete"}
    assert medley("migrate", "--switch").code == 0
    assert passages(medley, "quill")


def test_what_came_meanwhile_is_gone_over_at_the_switch(medley: Medley, files: Path) -> None:
    assert medley("migrate", "--passages.max_tokens", 16, "--yes").code == 0
    (files / "new.md").write_text(f"# new\n\n{(LONG + MORE).format('new')}\n")
    assert medley("ingest", files / "new.md").code == 0
    refused = medley("migrate", "--switch")
    assert refused.code == 2
    assert "lacks records of 1 files" in refused.err
    assert "new.md" in refused.err
    switched = medley("migrate", "--switch", "--anyway")
    assert switched.code == 0, switched.err
    assert max(map(len, passages(medley, "new"))) < len(LONG + MORE), "the file has the new options"


def test_a_migration_that_fails_is_not_gone_over_to(
    medley: Medley, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDLEY_ALLOW_FAULTS", "1")
    monkeypatch.setenv("MEDLEY_FAULTS", '{"embed_document": "CorruptMedia"}')
    assert medley("migrate", "--passages.max_tokens", 16, "--yes").code == 1
    monkeypatch.delenv("MEDLEY_FAULTS")
    assert medley("migrate", "--switch").code == 2
    assert medley("migrate", "--passages.max_tokens", 20).code == 2, "something was written"
    assert medley("migrate", "--drop").code == 0
    assert medley("migrate", "--passages.max_tokens", 18).code == 0
    assert medley("migrate", "--passages.max_tokens", 20).code == 0, "nothing was written: another one may be tried"
    assert medley("migrate", "--yes").code == 0
    other = medley("migrate", "--passages.max_tokens", 24)
    assert other.code == 2
    assert "passages.max_tokens=20 has begun" in other.err
    assert medley("migrate", "--switch").code == 0
    assert medley("migrate", "--passages.max_tokens", 24).code == 2, "the one before is still there"


def test_what_is_forgotten_goes_from_every_generation(medley: Medley, files: Path, settings: Settings) -> None:
    assert medley("migrate", "--passages.max_tokens", 16, "--yes").code == 0
    catalog = open_catalog(settings)
    location = catalog.location(str(files / "umber.md"))
    assert location
    assert location.asset_id
    assert medley("forget", files / "umber.md").code in (0, 1), "1: the session's services keep names"
    with vector_store(settings) as address:
        for one in every_address(address, catalog):
            with closing(open_store(one)) as store:
                assert store.count(location.asset_id) == 0


def test_other_options_win_over_those_of_the_generation(medley: Medley, files: Path) -> None:
    assert medley("migrate", "--passages.max_tokens", 16, "--yes").code == 0
    assert medley("migrate", "--switch").code == 0
    plan = json.loads(medley("plan", files, "--passages.max_tokens", 32, "--json").out)
    assert {why for item in plan["items"] for why in item["why"]} == {"option passages.max_tokens changed: 16 -> 32"}
    assert medley("migrate", "--drop").code == 0
    assert medley("migrate", "--frames.ocr", "off", "--json").out.count("passages.max_tokens"), "they go on"
    assert json.loads(medley("migrate", "--defaults", "--json").out)["options"] == {}


def test_refusals(medley: Medley, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nothing to go over to" in medley("migrate").err
    for flag in ("--yes", "--switch", "--back", "--drop"):
        assert medley("migrate", flag).code == 2
    assert "of single files" in medley("migrate", "--tags", "a").err
    monkeypatch.setenv("MEDLEY_STORE__GENERATION", "7")
    assert "there is no generation 7" in medley("search", "geese").err
    assert PROFILES[Profile.DEMO].text
