"""What a report says of an item whose stages have all done their work."""

from __future__ import annotations

from typing import Any

from flows.engine.batch import BatchItem, InFlightBatch
from flows.engine.items import Item
from flows.engine.outcomes import report_of
from medley.report import StageReport
from medley.types import ArtifactRef, Asset, MediaInfo

ASSET = Asset("a" * 64, "/a.mp4", 7, MediaInfo("mov", "video/mp4", notes=("of the probe",)))
SAID = {
    "listen": ArtifactRef(ASSET, "listen", "f", "", notes=("of sound", "of both")),
    "write_speech": ArtifactRef(ASSET, "write_speech", "f", "", notes=("of sound", "of both"), records={"speech": 4}),
    "look": ArtifactRef(ASSET, "look", "f", "", notes=("of both", "of frames")),
    "write_frames": ArtifactRef(ASSET, "write_frames", "f", "", records={"frame": 10}),
}


def test_records_and_notes_come_in_the_order_of_the_picture_whatever_ended_first() -> None:
    given: Any = None  # nothing has failed: neither artifacts nor the run are asked
    batch_item = BatchItem(Item("/a.mp4", ASSET), ASSET)
    dag: Any = dict.fromkeys(SAID, given)
    batch = InFlightBatch(dag, [batch_item], futures=dict.fromkeys(SAID, given))
    for stage, result in reversed(SAID.items()):
        batch_item.stages[stage] = StageReport(stage, "completed", "", 0.0, 1)
        batch_item.results[stage] = result
    report = report_of(batch_item, batch, given)
    assert report.status == "complete"
    assert list(report.records.items()) == [("speech", 4), ("frame", 10)]
    assert report.notes == ["of the probe", "of sound", "of both", "of frames"]
