"""A damaged file in a whole run: what is there is searchable, what is lost is said, and both are remembered."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import SAMPLE, Medley


def test_a_cut_off_video_is_partial_and_says_how_much_is_lost(medley: Medley, tmp_path: Path) -> None:
    whole = SAMPLE.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) * 6 // 10])

    first = medley("video", cut, "--json")
    item = first.report["items"][0]
    assert first.code == 1
    assert item["status"] == "partial"
    assert {error["type"] for error in item["errors"]} == {"CorruptMedia"}
    assert any("of 46.0 s of its sound" in error["message"] for error in item["errors"]), item["errors"]
    assert all(str(cut) in error["message"] for error in item["errors"])
    assert all(stage["state"] in ("completed", "skipped") for stage in item["stages"])
    assert item["records"]["speech"] > 0
    assert item["records"]["frame"] > 0

    hit = medley("search", "welcome to the museum", "--json").report["hits"][0]
    assert hit["path"] == str(cut)

    again = medley("video", cut, "--json").report["items"][0]
    assert (again["status"], again["stages"], again["errors"]) == ("partial", [], item["errors"])


def test_damage_is_known_where_the_finished_stages_are_cached(medley: Medley, tmp_path: Path) -> None:
    whole = SAMPLE.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) * 6 // 10])
    first = medley("video", cut, "--json").report["items"][0]
    other = medley("video", cut, "--json", "--chunks.max_words", "10").report["items"][0]
    states = {stage["name"]: stage["state"] for stage in other["stages"]}
    assert (states["transcribe"], states["chunk"]) == ("cached", "completed")
    assert other["status"] == "partial"
    assert {error["message"] for error in other["errors"]} == {error["message"] for error in first["errors"]}
