"""From a hit back to the bytes, and from a file to all that was made of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from medley.models.profiles import PROFILES
from medley.option_values import Profile
from tests import documents
from tests.conftest import Medley


def test_a_hit_and_its_file(medley: Medley, tmp_path: Path) -> None:
    page = documents.pdf(tmp_path / "page.pdf", documents.text((72, 100, "Whales are mammals")))
    [item] = medley("pdf", page, "--passages.max_tokens", "90", "--json").report["items"]
    hit = medley("search", "whales", "--json").report["hits"][0]

    found = medley("explain", hit["record_id"], "--json").report
    assert (found["record"]["text"], found["record"]["page"]) == ("Whales are mammals", 1)
    assert found["paths"] == [{"path": str(page), "state": "as it was"}]
    assert found["asset_id"] == hashlib.sha256(page.read_bytes()).hexdigest()
    assert [stage["stage"] for stage in found["stages"]] == ["parse", "ocr", "chunk", "embed_text", "write_pages"]
    stages = {stage["stage"]: stage for stage in found["stages"]}
    assert stages["chunk"]["options"]["max_tokens"] == 90
    model = PROFILES[Profile.DEMO].text
    assert stages["embed_text"]["model"] == f"{model.id}@{model.revision} {model.compute_type}"
    assert found["record"]["model"] == f"{model.id}@{model.revision}"
    assert {stage["run_id"] for stage in found["stages"]} == {found["outcomes"][0]["run_id"]}
    assert stages["write_pages"]["artifact"]["records"] == {"page": 1}

    whole = medley("explain", page, "--json").report
    assert {stage["stage"] for stage in whole["stages"]} == {stage["name"] for stage in item["stages"]}
    told = medley("explain", page).out
    assert "(as it was)" in told
    assert "1 page in text_" in told
    page.write_bytes(page.read_bytes() + b"\n")
    assert "(changed)" in medley("explain", page).out
    page.unlink()
    assert "(gone)" in medley("explain", found["asset_id"]).out


def test_what_is_not_there(medley: Medley, tmp_path: Path) -> None:
    for what, told in (
        ("a" * 40, "there is no record"),
        ("a" * 64, "there is no asset"),
        ("nowhere.pdf", "not in the"),
    ):
        answer = medley("explain", what)
        assert (answer.code, answer.out) == (2, "")
        assert told in answer.err
