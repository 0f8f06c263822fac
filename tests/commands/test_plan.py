"""`medley plan`: what an ingest would do, and why."""

from __future__ import annotations

from pathlib import Path

from tests.commands.test_upkeep import folder, plan
from tests.conftest import Medley
from tests.documents import picture

__all__ = ["folder"]


def test_a_plan_says_what_is_new_and_what_will_be_done(medley: Medley, folder: Path) -> None:
    first = plan(medley, folder)
    assert {name: (item["action"], item["why"]) for name, item in first.items()} == {
        "red.png": ("run", ["new"]),
        "blue.png": ("run", ["new"]),
        "cut.png": ("run", ["new"]),
        "page.pdf": ("run", ["new"]),
        "notes.log": ("skipped", []),
        "link.png": ("skipped", []),
    }
    assert medley("status", "--json").report["runs"] == [], "a plan is no run"
    done = {Path(item["path"]).name: item["stages"] for item in medley("ingest", folder, "--json").report["items"]}
    for name, item in first.items():
        known = [stage["name"] for stage in done[name]]
        assert item["stages"][: len(known)] == known, "what was planned was done, as far as the file was good"


def test_a_plan_says_what_has_changed(medley: Medley, folder: Path) -> None:
    assert medley("ingest", folder).code == 1
    second = plan(medley, folder)
    assert {item["action"] for item in second.values()} == {"unchanged", "remembered", "skipped"}
    assert second["cut.png"]["why"] == ["failed before: CorruptMedia in load_images"]
    other = plan(medley, folder, "--passages.max_tokens", "50")["page.pdf"]
    assert other["why"] == ["option passages.max_tokens changed: 160 -> 50"]
    assert other["stages"] == ["chunk", "embed_text", "write_pages"]
    (folder / "blue.png").write_bytes((folder / "deep" / "blue.png").read_bytes())
    picture(colour="yellow").save(folder / "red.png")
    third = plan(medley, folder)
    assert (third["red.png"]["action"], third["red.png"]["why"]) == ("run", ["changed"])
    assert third["blue.png"]["action"] == "unchanged"
