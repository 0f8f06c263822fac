"""The tables of hard media through one call of `flows.video`, models and store and all. Whole: `make test-hard`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Medley, part_of
from tests.hard.case import Case, make_base
from tests.hard.damage import CUT_OFF, DAMAGED, MISNAMED
from tests.hard.formats import SOUNDS, VIDEOS
from tests.hard.properties import PROPERTIES

TABLE = [*VIDEOS, *SOUNDS, *PROPERTIES, *CUT_OFF, *DAMAGED, *MISNAMED]
_ROUNDING_S = 0.7  # an encoder's last packet


def complaints(case: Case, item: dict[str, Any], exported: dict[str, Any]) -> Iterator[str]:
    """What is not as the table says."""
    status = "complete" if item["duplicate_of"] and item["status"] == "unchanged" else item["status"]
    if status not in case.status.split("|"):
        yield f"{status} instead of {case.status}: {item['errors']}"
    if case.error and case.error not in {error["type"] for error in item["errors"]}:
        yield f"no {case.error} among {item['errors']}"
    for error in item["errors"]:
        if not re.search(rf"{re.escape(case.name)}: .+\. .+", error["message"]):
            yield f"names not file, reason and remedy: {error['message']}"
    if case.says and not any(case.says in error["message"] for error in item["errors"]):
        yield f"does not say {case.says!r}: {item['errors']}"
    if status != "failed":
        yield from _contents(case, item, exported)


def _contents(case: Case, item: dict[str, Any], exported: dict[str, Any]) -> Iterator[str]:
    if case.heard and not exported["segments"]:
        yield "nothing was heard"
    if case.seen and not exported["frames"]:
        yield "nothing was seen"
    times = [frame["time_s"] for frame in exported["frames"]]
    for segment in exported["segments"]:
        times += [segment["start_s"], segment["end_s"], *(word["end_s"] for word in segment["words"])]
    if any(not 0 <= time <= case.seconds + _ROUNDING_S for time in times):
        yield f"times outside of the file: {times}"


@pytest.mark.timeout(1800)
def test_every_file_of_a_pile_ends_as_the_table_says(
    medley: Medley, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    table = part_of(TABLE, pytestconfig, share=6)
    pile, out = tmp_path / "pile", tmp_path / "out"
    pile.mkdir()
    make_base(tmp_path / "base.mkv")
    for case in table:
        case.make(tmp_path / "base.mkv", pile / case.name)
    answer = medley("video", *(pile / case.name for case in table), "--json", "--export", out)
    assert answer.code == 1
    items = {Path(item["path"]).name: item for item in answer.report["items"]}
    exported = {found["asset_id"]: found for found in map(json.loads, (p.read_text() for p in out.glob("*.json")))}
    wrong = [
        f"{case.name}: {why}"
        for case in table
        for why in complaints(
            case, items[case.name], exported.get(items[case.name]["asset_id"], {"segments": [], "frames": []})
        )
    ]
    assert not wrong, "\n".join(wrong)
    assert len(items) == len(table)
