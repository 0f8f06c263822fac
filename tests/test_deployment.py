"""prefect.yaml on a fresh server, run by a real worker."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from flows._environment import prepare_environment
from flows._services import prefect_server
from medley.settings import Settings
from tests.conftest import ROOT, SAMPLE
from tests.traces import of_medley


def prefect(*arguments: str) -> str:
    """Runs Prefect's own command line."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments], capture_output=True, text=True, timeout=240, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def schema_of_video() -> dict[str, Any]:
    """The form that Prefect's UI shows."""
    found: dict[str, Any] = json.loads(prefect("deployment", "inspect", "video/video", "--output", "json"))
    return dict(found["parameter_openapi_schema"])


def test_deployment_video_runs_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_environment(settings)
    with prefect_server(settings) as url:
        with urllib.request.urlopen(url.removesuffix("/api") + "/ui-settings") as answer:
            assert json.load(answer)["api_url"] == url, "the pages ask this server"
        monkeypatch.setenv("PREFECT_API_URL", url)
        prefect("work-pool", "create", "medley", "--type", "process")
        for _ in range(2):  # on a fresh server, and again on a used one
            prefect("--no-prompt", "deploy", "--all")
        schema = schema_of_video()
        assert {"paths", "options", "force"} <= set(schema["properties"])
        assert all(field["description"] for field in schema["definitions"]["FrameOptions"]["properties"].values())
        assert schema["definitions"]["Profile"]["enum"] == ["auto", "demo", "cpu", "gpu"]

        prefect("deployment", "run", "video/video", "--params", json.dumps({"paths": [str(SAMPLE)]}))
        prefect("worker", "start", "--pool", "medley", "--run-once", "--limit", "1")
        listed = json.loads(prefect("flow-run", "ls", "--output", "json"))
        assert [(run["name"], run["state"]["type"]) for run in listed] == [("video · sample.mp4", "COMPLETED")]
    report = next((settings.home / "runs").glob("*/report.jsonl"))
    assert json.loads(report.read_text())["status"] == "complete"
    assert of_medley(Path(settings.home)) == []
