"""One index, several machines: the same records, work on every node, and nothing lost with a machine."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Cluster
from tests.conftest import SAMPLE
from tests.documents import pdf, picture, placed, text
from tests.variants import ffmpeg

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips, pictures and PDFs."""
    folder = tmp_path_factory.mktemp("corpus")
    for n in range(4):
        ffmpeg("-ss", 8 * n, "-i", SAMPLE, "-t", 9, "-metadata", f"title={n}", folder / f"clip{n}.mp4")
    for n, colour in enumerate(("red", "green", "blue", "yellow", "white", "black")):
        picture((300 + n, 200), colour).save(folder / f"{colour}.png")
    for n in range(4):
        pages = [text((72, 100, f"Page {page} of document {n} tells of trains and of tea.")) for page in range(3)]
        pdf(folder / f"{n}.pdf", *pages, placed(picture((200, 100 + n), "red"), 100, 100, 200, 200))
    return folder


def told(report: dict[str, Any]) -> dict[str, Any]:
    """What a run says of each file, by name."""
    return {Path(item["path"]).name: (item["status"], item["records"]) for item in report["items"]}


def test_an_ingest_on_three_machines_has_the_records_of_one(cluster: Cluster, corpus: Path, tmp_path: Path) -> None:
    report = cluster.medley("ingest", corpus, home=tmp_path / "cluster")
    assert report["exit"] == 0, report["stderr"][-3000:]
    local = cluster.medley("ingest", corpus, "--runner", "local", home=tmp_path / "local")
    assert told(report) == told(local)
    assert Counter(item["status"] for item in report["items"]) == {"complete": 14}
    again = cluster.medley("ingest", corpus, home=tmp_path / "cluster")
    assert not any(item["stages"] for item in again["items"])
    pools: Any = cluster.medley("pools", home=tmp_path / "cluster")
    placed_on = [replica["address"] for pool in pools for replica in pool["replicas"] if replica["ready"]]
    assert placed_on, pools
    assert set(placed_on) <= {machine.address for machine in cluster.machines[1:]}, "no model on the driver's machine"


def test_a_lost_machine_costs_time_and_nothing_else(cluster: Cluster, corpus: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    found: dict[str, Any] = {}
    running = threading.Thread(target=lambda: found.update(cluster.medley("ingest", corpus, home=home)))
    running.start()
    artifacts = home / "artifacts"
    while running.is_alive() and not (artifacts.exists() and len(list(artifacts.rglob("manifest.json"))) > 3):
        time.sleep(0.1)
    lost = cluster.nodes[1]
    lost.kill()
    running.join()
    cluster.join(lost.machine)
    assert found["exit"] == 0, found["stderr"][-3000:]
    assert Counter(item["status"] for item in found["items"]) == {"complete": 14}
