"""The service as Ray Serve's replicas: `deployments/serve.yaml` with two of them, one of which dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

from tests.conftest import ROOT, _free_port, eventually
from tests.documents import pdf, text
from tests.serve.conftest import SECRET, Receiver, Served

pytestmark = pytest.mark.whole  # make test-platform


@pytest.fixture
def short() -> Iterator[str]:
    """A directory whose name leaves room for Ray's sockets in 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="rs", ignore_cleanup_errors=True) as directory:
        yield directory


@pytest.fixture
def replicas(served: Served, receiver: Receiver, tmp_path: Path, short: str) -> Iterator[str]:
    """The application of the manifest on a Ray of its own; its URL."""
    manifest = yaml.safe_load((ROOT / "deployments" / "serve.yaml").read_text())
    manifest["http_options"] = {"host": "127.0.0.1", "port": _free_port()}
    [application] = manifest["applications"]
    ours = {name: value for name, value in served.env.items() if name.startswith(("MEDLEY_", "PREFECT_"))}
    application["runtime_env"]["env_vars"] = {**ours, "MEDLEY_SERVE__WEBHOOKS": json.dumps([receiver.url])}
    for deployment in application["deployments"]:
        deployment["ray_actor_options"]["num_cpus"] = 0.1
    (tmp_path / "serve.yaml").write_text(yaml.safe_dump(manifest))
    env = {**served.env, "RAY_TMPDIR": short, "RAY_ADDRESS": "local", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "ray.serve.scripts", "run", str(tmp_path / "serve.yaml")]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True) as process,
    ):
        url = f"http://127.0.0.1:{manifest['http_options']['port']}"
        try:
            eventually(lambda: _answers(url, process, tmp_path / "log"), 240)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _answers(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()[-3000:]
    try:
        return httpx.get(f"{url}/healthz", timeout=10).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _replicas() -> list[psutil.Process]:
    named = (process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"])
    return [process for process in named if "ServeReplica:medley:MedleyService" in process.info["cmdline"][0]]


def _search(url: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {SECRET}"}
    answer = httpx.post(f"{url}/api/search", json={"query": "migrating geese"}, headers=headers, timeout=60)
    assert answer.status_code == httpx.codes.OK, answer.text
    found: list[dict[str, Any]] = answer.json()["hits"]
    return found


def test_replicas_answer_alike_one_dies_and_receivers_are_told_once(
    replicas: str, served: Served, receiver: Receiver, tmp_path: Path
) -> None:
    assert httpx.get(f"{replicas}/api/search", params={"query": "x"}, timeout=60).status_code == 401
    eventually(lambda: len(_replicas()) == 2, 60)
    assert {Path(_search(replicas)[0]["path"]).name for _ in range(10)} == {"birds.pdf"}
    _replicas()[0].kill()
    eventually(lambda: len(_replicas()) == 2, 120)
    eventually(lambda: all(Path(_search(replicas)[0]["path"]).name == "birds.pdf" for _ in range(10)), 60)

    document = pdf(tmp_path / "new.pdf", text((60, 90, "A heron waits in the reeds until the water is still.")))
    command = [sys.executable, "-P", "-m", "medley", "pdf", str(document)]
    subprocess.run(command, env={**os.environ, **served.env}, cwd=ROOT, check=True, capture_output=True)
    ended = lambda: [event for event in receiver.events if event["event"] == "item.ended"]  # noqa: E731
    eventually(ended, 60)
    eventually(lambda: any(event["event"] == "run.ended" for event in receiver.events), 60)
    assert len(ended()) == 1, "one replica tells"
    assert ended()[0]["path"] == str(document)


def test_a_file_is_given_in_parts_by_any_replica(replicas: str) -> None:
    [hit] = [hit for hit in _search(replicas) if hit["path"].endswith("birds.pdf")][:1]
    headers = {"Authorization": f"Bearer {SECRET}", "Range": "bytes=0-9"}
    for _ in range(4):
        answer = httpx.get(f"{replicas}/api/assets/{hit['asset_id']}/media", headers=headers, timeout=60)
        assert (answer.status_code, answer.content[:5]) == (206, b"%PDF-")
