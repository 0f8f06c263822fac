"""What people see of a run in Prefect's UI: artifacts and the run's first line."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings
from sqlalchemy import select

from medley.catalog import open_catalog
from medley.catalog.tables import runs
from medley.media.sheet import contact_sheet
from medley.settings import load_settings
from medley.timeline import timeline_svg
from medley.types import clock
from tests.conftest import SAMPLE, Medley
from tests.documents import pdf, picture, placed, text
from tests.variants import first_seconds

SVG = "{http://www.w3.org/2000/svg}"


def shown(prefect_url: str, run_id: str) -> tuple[Any, dict[str, Any]]:
    """The flow run of a run, and its artifacts by the first part of their keys."""
    with open_catalog(load_settings()).engine.connect() as connection:
        flow_run_id = connection.execute(select(runs.c.prefect_run_id).where(runs.c.run_id == run_id)).scalar_one()
    with temporary_settings({PREFECT_API_URL: prefect_url}), get_client(sync_client=True) as client:
        only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]))
        found = client.read_artifacts(artifact_filter=only)
        return client.read_flow_run(flow_run_id), {str(a.key).split("-")[0]: a for a in found}


def picture_in(markdown: str) -> bytes:
    """The picture that a Markdown text carries."""
    found = re.search(r"base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert found
    return base64.b64decode(found[1])


def test_a_run_shows_frames_words_stages_items_and_progress(medley: Medley, prefect_url: str, tmp_path: Path) -> None:
    first_seconds(SAMPLE, tmp_path / "a | b.mp4", 8)
    report = medley("video", tmp_path / "a | b.mp4", tmp_path / "gone.mp4", "--json").report
    flow_run, artifacts = shown(prefect_url, report["run_id"])
    assert artifacts.keys() == {"transcript", "frames", "stages", "items", "progress"}
    assert artifacts["progress"].data == 100.0
    assert artifacts["transcript"].data.startswith("# a \\| b.mp4\n\n- **0:00.")
    with Image.open(io.BytesIO(picture_in(artifacts["frames"].data))) as sheet:
        assert (sheet.format, sheet.width > 160) == ("JPEG", True)
    bars = ET.fromstring(picture_in(artifacts["stages"].data))
    assert len(bars.findall(f"{SVG}rect")) == 1 + 12
    assert re.match(r"1 complete, 1 failed: .*gone\.mp4: does not exist", flow_run.state.message)


def test_runs_of_documents_and_pictures_show_them(medley: Medley, prefect_url: str, tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", text((72, 100, "Purple elephants.")), placed(picture(), 100, 100, 200, 150))
    _, artifacts = shown(prefect_url, medley("pdf", path, "--json").report["run_id"])
    assert artifacts["pages"].data == "# a.pdf\n\n- **1** Purple elephants.\n"
    with Image.open(io.BytesIO(picture_in(artifacts["figures"].data))) as sheet:
        assert sheet.getpixel((sheet.width // 2, sheet.height // 2))[0] > 200  # type: ignore[index]
    picture().save(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes((tmp_path / "b.png").read_bytes()[:200])
    report = medley("image", tmp_path / "b.png", tmp_path / "c.png", "--json").report
    _, artifacts = shown(prefect_url, report["run_id"])
    assert "1 pictures" in artifacts["pictures"].data


def stage(name: str, second: int, seconds: float, state: str = "completed") -> dict[str, Any]:
    return {"name": name, "started": f"2026-01-01T00:00:{second:02d}+00:00", "seconds": seconds, "state": state}


def test_bars_stand_where_the_stages_were() -> None:
    items = [
        {"path": "/x/<a>.mp4", "stages": [stage("one", 0, 10.0), stage("two", 5, 5.0), stage("three", 10, 10.0)]},
        {"path": "/x/unchanged.mp4", "stages": []},
    ]
    drawn = ET.fromstring(timeline_svg(items))
    bars = [(float(r.get("x", 0)), float(r.get("width", 0))) for r in drawn.findall(f"{SVG}rect")[1:]]
    (one, width), (two, half), (three, same) = bars
    assert (width, half * 2) == pytest.approx((same, width), abs=0.2)
    assert (two - one, three - one) == pytest.approx((half, width), abs=0.2)
    assert "<a>.mp4" in [label.text for label in drawn.findall(f"{SVG}text")]
    assert timeline_svg(items[1:]) == ""


def test_sheet_holds_sixty_frames_at_most_in_their_proportions(tmp_path: Path) -> None:
    Image.new("RGB", (90, 160), "red").save(tmp_path / "tall.jpg")
    frames = [(tmp_path / "tall.jpg", clock(float(n))) for n in range(200)]
    with Image.open(io.BytesIO(contact_sheet(frames))) as sheet:
        assert sheet.size == (6 * 164 + 4, 10 * 110 + 4)
        assert sheet.getpixel((84, 49))[0] > 200  # type: ignore[index]
        assert sheet.getpixel((10, 49)) == (255, 255, 255), "not stretched to the tile"
    assert contact_sheet([]) == b""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0:00.0"), (59.97, "1:00.0"), (75.3, "1:15.3"), (3675, "1:01:15.0")]
)
def test_times_for_people(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_commands_send_heartbeats_on_demand_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.services.start import _heartbeats

    monkeypatch.delenv("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", raising=False)
    with temporary_settings(_heartbeats()):
        assert get_current_settings().flows.heartbeat_frequency is None
    monkeypatch.setenv("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", "30")
    assert _heartbeats() == {}
