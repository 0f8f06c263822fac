"""The manifests of a cluster are what their readers take: Ray's launcher, KubeRay, Kubernetes, Prefect.

schemas/: KubeRay's CRDs 1.7.0 (v1) and Kubernetes' kinds of 1.33, both Apache-2.0, without descriptions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator
from ray.autoscaler._private.util import prepare_config, validate_config

from flows.commands.cli import _OTHER_VERBS, _PIPELINE_VERBS
from medley.settings import Settings
from tests.conftest import ROOT
from tests.fakes import setting_groups

DEPLOYMENTS = ROOT / "deployments"
SCHEMAS = Path(__file__).with_name("schemas")
MANIFESTS = sorted(path for path in (DEPLOYMENTS / "kuberay").rglob("*.yaml") if path.name != "kustomization.yaml")


def closed(schema: Any) -> Any:
    """The schema, in which a key that it does not name is an error, as with `kubectl --validate=strict`."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        open_to_all = found.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in found
        return found if open_to_all else {**found, "additionalProperties": False}
    return found


def validator(kind: str) -> Draft7Validator:
    """What a kind has to be."""
    if kind in ("RayCluster", "RayJob"):
        known = json.loads((SCHEMAS / "kuberay-1.7.0-v1.schema.json").read_text())
        wanted = known["properties"]["rayclusters" if kind == "RayCluster" else "rayjobs"]
        both = closed({**wanted, "definitions": known["definitions"]})
        both.get("properties", {}).get("metadata", {}).pop("additionalProperties", None)
        return Draft7Validator(both)
    known = json.loads((SCHEMAS / "kubernetes-1.33.schema.json").read_text())
    return Draft7Validator({**known["properties"][kind], "definitions": known["definitions"]})


def documents(path: Path) -> Iterator[dict[str, Any]]:
    yield from yaml.safe_load_all(path.read_text())


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(DEPLOYMENTS)))
def test_kubernetes_takes_it(path: Path) -> None:
    for document in documents(path):
        wrong = [
            f"{list(e.absolute_path)}: {e.message[:200]}" for e in validator(document["kind"]).iter_errors(document)
        ]
        assert wrong == [], document["kind"]


def test_a_wrong_key_is_found() -> None:
    cluster = next(documents(DEPLOYMENTS / "kuberay" / "base" / "ray-cluster.yaml"))
    cluster["spec"]["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]["imagePulPolicy"] = "Always"
    cluster["spec"]["autoscalerOptions"]["version"] = "v3"
    assert len(list(validator("RayCluster").iter_errors(cluster))) == 2


@pytest.mark.parametrize("name", ["ray-cluster.yaml", "ray-cluster-local.yaml"])
def test_the_launcher_takes_it(name: str) -> None:
    validate_config(prepare_config(yaml.safe_load((DEPLOYMENTS / name).read_text())))


@pytest.mark.parametrize("overlay", ["nfs", "s3"])
def test_an_overlay_changes_what_is_there(overlay: str) -> None:
    folder = DEPLOYMENTS / "kuberay" / "overlays" / overlay
    base = DEPLOYMENTS / "kuberay" / "base"
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert all(
        (base / name).is_file() for name in yaml.safe_load((base / "kustomization.yaml").read_text())["resources"]
    )
    there = [each for path in base.glob("*.yaml") if path.name != "kustomization.yaml" for each in documents(path)]
    for patch in kustomization["patches"]:
        wanted = patch["target"]
        targets = [
            each
            for each in there
            if each["kind"] == wanted["kind"] and re.fullmatch(wanted.get("name", ".*"), each["metadata"]["name"])
        ]
        assert targets, wanted
        for change in yaml.safe_load(patch["patch"]):
            if change["op"] == "replace":
                for target in targets:
                    found: Any = target
                    for step in change["path"].strip("/").split("/"):
                        found = found[int(step)] if isinstance(found, list) else found[step]


def test_every_setting_that_manifests_name_is_one() -> None:
    known = {f"MEDLEY_{name}".upper() for name in Settings.model_fields}
    known |= {f"MEDLEY_{group}__{name}".upper() for group, cls in setting_groups().items() for name in cls.model_fields}
    files = [*DEPLOYMENTS.rglob("*.yaml"), *DEPLOYMENTS.glob("*.json")]
    named = {name for path in files for name in re.findall(r"\bMEDLEY_[A-Z_]+\b", path.read_text())}
    assert named
    assert named - known == set()


def test_every_verb_that_manifests_call_is_one() -> None:
    text = "\n".join(path.read_text() for path in (DEPLOYMENTS / "kuberay").rglob("*.yaml"))
    called = set(re.findall(r"args: \[(\w+)", text)) | set(re.findall(r"(?:entrypoint:|exec) medley (\w+)", text))
    assert {"deploy", "watch", "ingest"} <= called
    assert called <= {*_OTHER_VERBS, *_PIPELINE_VERBS}


def test_the_work_pool_names_every_variable_it_has() -> None:
    template = json.loads((DEPLOYMENTS / "prefect-kubernetes-work-pool.json").read_text())
    Draft202012Validator.check_schema(template["variables"])
    used = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(template["job_configuration"])))
    assert used <= set(template["variables"]["properties"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray Serve itself
def test_the_service_on_a_cluster_is_as_ray_serve_wants_it() -> None:
    from ray.serve.schema import ServeDeploySchema

    found = ServeDeploySchema.model_validate(yaml.safe_load((DEPLOYMENTS / "serve.yaml").read_text()))
    [application] = found.applications
    assert application.import_path == "flows.serve.ray_serve:app"
    assert application.deployments[0].name == "MedleyService"
    known = {f"MEDLEY_{name.upper()}" for name in Settings.model_fields}
    for name in application.runtime_env["env_vars"]:
        assert name.partition("__")[0] in known | {"PREFECT_API_URL"}, name
