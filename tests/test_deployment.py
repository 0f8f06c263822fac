"""prefect.yaml on a fresh server, run by a real worker."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.conftest import ROOT, SAMPLE
from tests.traces import of_medley


def prefect(*arguments: str) -> str:
    """Runs Prefect's own command line."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments], capture_output=True, text=True, timeout=240, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_deployment_video_runs_once(home: Path, prefect_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with urllib.request.urlopen(prefect_url.removesuffix("/api") + "/ui-settings") as answer:
        assert json.load(answer)["api_url"] == prefect_url, "the pages ask this server"
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    prefect("work-pool", "create", "medley", "--type", "process")
    for _ in range(2):  # on a fresh server, and again on a used one
        prefect("--no-prompt", "deploy", "--all")
    with temporary_settings({PREFECT_API_URL: prefect_url}), get_client(sync_client=True) as client:
        video = client.read_deployment_by_name("video/video")
        schema: dict[str, Any] = video.parameter_openapi_schema
        assert {"paths", "options", "force"} <= set(schema["properties"])
        assert all(field["description"] for field in schema["definitions"]["FrameOptions"]["properties"].values())
        assert schema["definitions"]["Profile"]["enum"] == ["auto", "demo", "cpu", "gpu"]

        run = client.create_flow_run_from_deployment(video.id, parameters={"paths": [str(SAMPLE)]})
        prefect("worker", "start", "--pool", "medley", "--run-once", "--limit", "1")
        ended = client.read_flow_run(run.id)
        assert (ended.name, ended.state_type.value) == ("video · sample.mp4", "COMPLETED"), ended.state.message
    report = next((home / "runs").glob("*/report.jsonl"))
    assert json.loads(report.read_text())["status"] == "complete"
    assert of_medley(home) == []
