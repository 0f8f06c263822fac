"""One index, several machines: the same records, work on every node, and nothing lost with a machine."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Cluster
from tests.conftest import SAMPLE, artifacts_made, eventually
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
    while running.is_alive() and artifacts_made(home) <= 3:
        time.sleep(0.1)
    lost = cluster.nodes[1]
    lost.kill()
    running.join()
    cluster.join(lost.machine)
    assert found["exit"] == 0, found["stderr"][-3000:]
    assert Counter(item["status"] for item in found["items"]) == {"complete": 14}


def test_machines_that_share_no_disk_share_a_bucket(cluster: Cluster, corpus: Path, tmp_path: Path) -> None:
    """The files are on the driver's disk only, the caches on each machine's own."""
    home, own = cluster.disk / "home", cluster.disk / "corpus"
    shutil.copytree(corpus, own)
    report = cluster.medley("ingest", own, home=home, **cluster.apart)
    assert report["exit"] == 0, report["stderr"][-3000:]
    local = cluster.medley("ingest", corpus, "--runner", "local", home=tmp_path / "local")
    assert told(report) == told(local)
    again = cluster.medley("ingest", own, home=home, **cluster.apart)
    assert not any(item["stages"] for item in again["items"])
    hits: Any = cluster.medley("search", "trains", "--modality", "page", home=home, **cluster.apart)
    assert "trains" in hits["hits"][0]["text"]
    pictures: Any = cluster.medley("search", "red", "--modality", "frame", home=home, **cluster.apart)
    assert Path(pictures["hits"][0]["thumbnail"]).is_file(), "fetched from the bucket"
    left = [name for name in cluster.kept() if "/spool/" in name]
    assert left == [], "copies of the files go when they are done"


@pytest.mark.parametrize("service", ["postgres", "milvus", "prefect"])
def test_a_service_that_is_started_again_costs_time_and_nothing_else(
    cluster: Cluster, corpus: Path, service: str
) -> None:
    home, own = cluster.disk / f"home-{service}", cluster.disk / f"corpus-{service}"
    shutil.copytree(corpus, own)
    env = {**cluster.apart, "MEDLEY_ARTIFACTS": f"s3://media/{service}"}
    found: dict[str, Any] = {}
    running = threading.Thread(target=lambda: found.update(cluster.medley("ingest", own, "--force", home=home, **env)))
    running.start()
    eventually(lambda: not running.is_alive() or any("manifest" in name for name in cluster.kept(service)), 120)
    restarted: Any = getattr(cluster, service)
    (restarted.stop if service == "postgres" else restarted.kill)()
    time.sleep(3)  # away for a while
    restarted.start()
    running.join()
    assert found["exit"] == 0, found["stderr"][-3000:]
    assert Counter(item["status"] for item in found["items"]) == {"complete": 14}


@pytest.mark.parametrize("wrong", ["token", "stranger", "client", "nothing there"])
def test_what_cannot_be_joined_is_one_line_within_twenty_seconds(
    cluster: Cluster, corpus: Path, tmp_path: Path, wrong: str
) -> None:
    env = {
        "token": {"RAY_AUTH_TOKEN": "another token, of somebody else's cluster"},
        "stranger": {"MEDLEY_RAY__ADDRESS": cluster.prefect.url.split("/")[2]},
        "client": {"MEDLEY_RAY__ADDRESS": f"ray://{cluster.head}"},
        "nothing there": {"MEDLEY_RAY__ADDRESS": f"{cluster.machines[1].address}:1"},
    }[wrong]
    began = time.monotonic()
    done = cluster.run("ingest", corpus, home=tmp_path / "home", **env)
    assert done.returncode == 2, done.stderr
    assert time.monotonic() - began < 20
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.strip()]) <= 2, done.stderr


def test_a_machine_that_is_drained_on_notice_loses_no_work(cluster: Cluster, corpus: Path, tmp_path: Path) -> None:
    """As a spot instance that is told two minutes ahead."""
    home, lost = tmp_path / "home", cluster.nodes[-1]
    found: dict[str, Any] = {}
    running = threading.Thread(target=lambda: found.update(cluster.medley("ingest", corpus, home=home)))
    running.start()
    eventually(lambda: not running.is_alive() or artifacts_made(home) > 3, 120)
    cluster.drain(lost.machine)

    def left() -> bool:
        pools: Any = cluster.medley("pools", home=home)
        return all(replica["address"] != lost.machine.address for pool in pools for replica in pool["replicas"])

    eventually(lambda: not running.is_alive() or left(), 120)
    lost.kill()
    running.join()
    pools: Any = cluster.medley("pools", home=home)
    cluster.join(lost.machine)
    assert found["exit"] == 0, found["stderr"][-3000:]
    assert Counter(item["status"] for item in found["items"]) == {"complete": 14}
    assert [pool["quarantined"] for pool in pools if pool["quarantined"]] == []


def test_a_long_recording_and_a_long_document_are_worked_on_by_all_machines(
    cluster: Cluster, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("long")
    small = ("-vf", "scale=160:90", "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac")
    ffmpeg("-stream_loop", 32, "-i", SAMPLE, *small, folder / "long.mp4")
    pdf(folder / "long.pdf", *(text((72, 100, f"Page {n} tells of trains and tea.")) for n in range(800)))
    report = cluster.medley("ingest", folder, home=tmp_path / "cluster", timeout=600)
    local = cluster.medley("ingest", folder, "--runner", "local", home=tmp_path / "local", timeout=600)
    assert report["exit"] == 0, report["stderr"][-3000:]
    assert told(report) == told(local)
    spread = cluster.logged("parts worked on by")
    assert any(all(machine.address in line for machine in cluster.machines[1:]) for line in spread), spread
    made = [sorted(where.rglob("*.jpg")) for where in (tmp_path / "cluster", tmp_path / "local")]
    assert [path.name for path in made[0]] == [path.name for path in made[1]]
    assert all(one.read_bytes() == other.read_bytes() for one, other in zip(*made, strict=True))
