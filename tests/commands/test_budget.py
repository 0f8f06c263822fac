"""A run that may cost so much and no more: in order, and the next run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Medley
from tests.documents import picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures of about 1 kB, and a note."""
    made = tmp_path / "in"
    made.mkdir()
    for n, colour in enumerate(("red", "green", "blue")):
        picture((200 + n, 160), colour, "ellipse").save(made / f"{n}.png")
    (made / "note.md").write_text("# Whales\n\nWhales are mammals.\n")
    return made


def statuses(items: list[dict[str, Any]]) -> list[str]:
    return [item["status"] for item in sorted(items, key=lambda item: item["path"])]


def test_what_does_not_fit_waits_for_the_next_run(medley: Medley, folder: Path) -> None:
    size = (folder / "0.png").stat().st_size + (folder / "1.png").stat().st_size
    first = medley("ingest", folder, "--budget", f"{size / 1e6 + 0.0001}MB", "--json")
    assert (first.code, first.report["status"]) == (0, "complete")
    assert statuses(first.report["items"]) == ["complete", "complete", "pending", "pending"]
    again = medley("ingest", folder, "--json")
    assert statuses(again.report["items"]) == ["unchanged", "unchanged", "complete", "complete"]


def test_time(medley: Medley, folder: Path) -> None:
    told = medley("image", *sorted(folder.glob("*.png")), "--budget", "0.001s")
    assert told.code == 0
    assert "1 complete, 2 pending" in told.out
    assert "the same command goes on from here" in told.out


def test_what_is_no_budget_is_said(medley: Medley, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        medley("ingest", folder, "--budget", "much")
    assert ended.value.code == 2
    assert "much is no budget" in capsys.readouterr().err
