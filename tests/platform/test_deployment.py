"""prefect.yaml on a fresh server, run by a real worker."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.up.prefect_deployments import deploy_all, expect_heartbeats
from medley.settings import load_settings
from tests.conftest import ROOT, SAMPLE, eventually
from tests.traces import of_medley


def prefect(*arguments: str) -> str:
    """Runs Prefect's own command line."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments], capture_output=True, text=True, timeout=240, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def automations(client: SyncPrefectClient) -> list[dict[str, Any]]:
    """What the server has of them."""
    found: list[dict[str, Any]] = client.request("POST", "/automations/filter", json={}).json()
    return found


def expect_nights(client: SyncPrefectClient, nightly: UUID) -> None:
    """The server plans the runs of a schedule; they go with the deployment: this is the session's server."""
    made = DeploymentFilter(id=DeploymentFilterId(any_=[nightly]))
    eventually(lambda: client.read_flow_runs(deployment_filter=made), 60)
    client.delete_deployment(nightly)


def expect_own_address(prefect_url: str) -> None:
    with urllib.request.urlopen(prefect_url.removesuffix("/api") + "/ui-settings") as answer:
        assert json.load(answer)["api_url"] == "/api", "the pages ask the server that they come from"


@pytest.mark.whole  # make test-platform has it
def test_deployments_on_a_fresh_server_and_on_a_used_one(
    home: Path, prefect_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_own_address(prefect_url)
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    prefect("work-pool", "create", "medley", "--type", "process")
    prefect("--no-prompt", "deploy", "--all")  # on a fresh server
    deploy_all(load_settings())  # and again on a used one
    with temporary_settings({PREFECT_API_URL: prefect_url}), get_client(sync_client=True) as client:
        video = client.read_deployment_by_name("video/video")
        schema: dict[str, Any] = video.parameter_openapi_schema
        assert not video.pull_steps, "no directory of this machine is written into it"
        assert {"paths", "options", "force"} <= set(schema["properties"])
        assert all(field["description"] for field in schema["definitions"]["FrameOptions"]["properties"].values())
        assert schema["definitions"]["Profile"]["enum"] == ["auto", "demo", "cpu", "gpu"]
        assert schema["definitions"]["VideoOptions"]["properties"]["profile"]["default"] == "demo", "what a run has"

        scheduled = ("ingest/ingest-nightly", "verify/verify-nightly")
        for name in ("pdf/pdf", "document/document", "ingest/ingest", "upload/on-upload", *scheduled):
            fields = client.read_deployment_by_name(name).parameter_openapi_schema["properties"].values()
            assert all(field.get("description") for field in fields), "the form explains itself"
        for name, cron in zip(scheduled, ("0 2 * * *", "0 5 * * *"), strict=True):
            nightly = client.read_deployment_by_name(name)
            assert [schedule.schedule.cron for schedule in nightly.schedules] == [cron]
            assert str(nightly.concurrency_options.collision_strategy).endswith("CANCEL_NEW")
            expect_nights(client, nightly.id)
        assert [found["name"] for found in automations(client)] == ["medley-on-upload"], "once, though deployed twice"
        for _ in range(2):
            expect_heartbeats(prefect_url)
        assert sorted(found["name"] for found in automations(client)) == ["medley-lost-runs", "medley-on-upload"]


@pytest.mark.whole  # under `medley up` tests/platform/test_platform.py runs one
def test_deployed_run_without_a_standing_installation(
    home: Path, prefect_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    prefect("work-pool", "create", "medley", "--type", "process", "--overwrite")
    prefect("--no-prompt", "deploy", "--all")
    with temporary_settings({PREFECT_API_URL: prefect_url}), get_client(sync_client=True) as client:
        video = client.read_deployment_by_name("video/video")
        run = client.create_flow_run_from_deployment(video.id, parameters={"paths": [str(SAMPLE)]})
        prefect("worker", "start", "--pool", "medley", "--run-once", "--limit", "1")
        ended = client.read_flow_run(run.id)
        assert (ended.name, ended.state_type.value) == ("video · sample.mp4", "COMPLETED"), ended.state.message
    report = next((home / "runs").glob("*/report.jsonl"))
    assert json.loads(report.read_text())["status"] == "complete"
    assert of_medley(home) == []
