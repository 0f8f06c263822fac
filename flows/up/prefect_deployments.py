"""Tells a Prefect server of our work pool and deployments: the same `prefect deploy --all` that people can run."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import (
    DeploymentUpdate,
    VariableCreate,
    VariableUpdate,
    WorkPoolCreate,
    WorkPoolUpdate,
)
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectAlreadyExists
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.engine import prefect_flows
from flows.engine.plan import with_profile
from flows.services.addresses import prefect_url
from flows.up.files import deployment_file
from medley import __version__
from medley.dag.pipeline import Pipeline
from medley.dag.registry import pipelines
from medley.errors import SetupError
from medley.options import ModelChoice
from medley.settings import Settings

WORK_POOL = "medley"
#: On the server itself: which prefect.yaml it has been told of. What people change there meanwhile stays.
_DEPLOYED = "medley_deployed"
_LOST_RUNS, _HEARTBEAT, _SILENCE = "medley-lost-runs", "prefect.flow-run.heartbeat", timedelta(seconds=180)


def deploy_all(settings: Settings) -> None:
    """Deploys the work pool with its limit, and the deployments with schedules and triggers. Raises SetupError."""
    url = prefect_url(settings)
    others = yaml.safe_dump(_of_other_packages(), sort_keys=False)
    content = deployment_file("prefect.yaml").read_bytes() + __version__.encode()
    profile = with_profile(ModelChoice(), settings).chosen.value
    wanted = hashlib.sha256(content + others.encode() + profile.encode()).hexdigest()[:16]
    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        _make_work_pool(client, settings.up.runs)
        before = _deployed(client)
        if before == wanted:
            return
        _deploy(str(url), deployment_file("prefect.yaml").parent)
        if "entrypoint" in others:
            with tempfile.TemporaryDirectory() as directory:
                Path(directory, "prefect.yaml").write_text(others)
                _deploy(str(url), Path(directory))
        _show_profile(client, profile)
        _record_deployed(client, before, wanted)


def _show_profile(client: SyncPrefectClient, profile: str) -> None:
    """Makes the profile that runs here would have the one that Prefect's form shows."""
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=["medley"]))
    for deployment in client.read_deployments(deployment_filter=ours):
        schema = deployment.parameter_openapi_schema or {}
        for group in schema.get("definitions", {}).values():
            if shown := group.get("properties", {}).get("profile"):
                shown["default"] = profile
        client.update_deployment(deployment.id, DeploymentUpdate(parameter_openapi_schema=schema))


def expect_heartbeats(url: str) -> None:
    """Makes Prefect's server set silent runs to Crashed.

    This is for workers on other machines, whose processes nobody here can look at. Their
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY has to be set (30 s or more). Not for one machine: a server that was away for
    some minutes would crash runs that are well. Source: Prefect's documentation, "detect zombie flows".
    """
    ends = {f"prefect.flow-run.{state}" for state in ("Completed", "Partial", "Failed", "Cancelled", "Crashed")}
    trigger = EventTrigger(
        after={_HEARTBEAT},
        expect={_HEARTBEAT, *ends},
        match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=_SILENCE,
    )
    crash = ChangeFlowRunState(state=StateType.CRASHED, message="nothing was heard of its process any more")
    automation = AutomationCore(name=_LOST_RUNS, trigger=trigger, actions=[crash])
    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        known = client.request("POST", "/automations/filter", json={}).json()
        for found in known:
            if found["name"] == _LOST_RUNS:
                client.request("DELETE", "/automations/{id}", path_params={"id": found["id"]})
        client.request("POST", "/automations/", json=automation.model_dump(mode="json")).raise_for_status()


def _make_work_pool(client: SyncPrefectClient, runs: int) -> None:
    try:
        client.create_work_pool(WorkPoolCreate(name=WORK_POOL, type="process", concurrency_limit=runs))
    except ObjectAlreadyExists:
        client.update_work_pool(WORK_POOL, WorkPoolUpdate(concurrency_limit=runs))


def _of_other_packages() -> dict[str, Any]:
    """A prefect.yaml for the pipelines of other packages; their entrypoint is a module of ours."""
    ours = yaml.safe_load(deployment_file("prefect.yaml").read_text())
    taken = {deployment["name"] for deployment in ours["deployments"]}
    deployments = [_deployment(pipeline) for pipeline in pipelines() if pipeline.name not in taken]
    return {"name": "medley", "prefect-version": ours["prefect-version"], "pull": [], "deployments": deployments}


def _deployment(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "name": pipeline.name,
        "entrypoint": f"{prefect_flows.__name__}:{pipeline.name}",
        "description": pipeline.doc,
        "tags": ["medley", pipeline.name],
        "parameters": {"options": {}, "force": False},
        "enforce_parameter_schema": True,
        "work_pool": {"name": WORK_POOL},
    }


def _deploy(url: str, directory: Path) -> None:
    command = [sys.executable, "-P", "-m", "prefect", "--no-prompt", "deploy", "--all"]
    environment = {**os.environ, "PREFECT_API_URL": url}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise SetupError(f"prefect deploy failed: {' '.join(last)}", remedy=f"Try it by hand in {directory}")


def _deployed(client: SyncPrefectClient) -> Any:
    found = client.read_variable_by_name(_DEPLOYED)
    return found.value if found else None


def _record_deployed(client: SyncPrefectClient, before: Any, wanted: str) -> None:
    if before is None:
        client.create_variable(VariableCreate(name=_DEPLOYED, value=wanted))
    else:
        client.update_variable(VariableUpdate(name=_DEPLOYED, value=wanted))
