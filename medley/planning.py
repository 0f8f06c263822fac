"""What a run would do to an asset, and why; nothing is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, SecretStr

from medley.artifacts import Manifest
from medley.catalog import Catalog, Outcome
from medley.catalog.known import made_of
from medley.dag.fingerprints import models_read
from medley.dag.stage import Stage
from medley.models.base import ModelSpec
from medley.pricing import Price
from medley.records import stage_manifest
from medley.run import TaskContext
from medley.types import Asset

Action = Literal["run", "unchanged", "remembered", "refused", "skipped"]

_NO_PART = ("profile", "tags", "password")  # of what stages make, or is told elsewhere


@dataclass(frozen=True, slots=True)
class Planned:
    """What would become of a file: `stages` would run, for the reasons in `why`, and take `seconds`."""

    path: str
    action: Action
    flow: str | None = None
    asset_id: str | None = None
    why: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    seconds: dict[str, Price] = field(default_factory=dict)  #: by stage; none of stages that never ran here


def plan_contents(options: BaseModel, models: Sequence[ModelSpec]) -> dict[str, Any]:
    """Lists the contents of a run's plan by name: options that stages read, and models. Leaves out secrets."""
    named = {spec.kind: f"{spec.id}@{spec.revision} {spec.compute_type}" for spec in models}
    return {"options": dict(_leaves(options)), "models": named}


def wanted_stages(asset: Asset, run: TaskContext) -> list[Stage]:
    """Returns the stages that a run has for an asset; stages of streams that do not exist are left out."""
    return run.dag.wanted(asset)


def stages_to_run(asset: Asset, run: TaskContext) -> list[str]:
    """Names the stages of an asset that have no artifact, in the order of the DAG."""
    return [name for name, manifest in manifests_of(asset, run).items() if manifest is None]


def manifests_of(asset: Asset, run: TaskContext) -> dict[str, Manifest | None]:
    """Reads the manifests of an asset's stages, in the order of the DAG; None for those that have no artifact."""
    artifacts, outdated = run.artifact_store.snapshot(), set[str]()
    found = dict[str, Manifest | None]()
    for stage in wanted_stages(asset, run):
        manifest = stage_manifest(stage.name, asset.asset_id, run, artifacts)
        if outdated.intersection(stage.after) or not is_current(stage, asset, manifest):
            outdated.add(stage.name)
        found[stage.name] = None if stage.name in outdated else manifest
    return found | {name: None for name in _left_behind(asset, run) if name not in found}


def _left_behind(asset: Asset, run: TaskContext) -> list[str]:
    """Stages whose records are to be removed, because what lay beside the asset is gone."""
    branches = {stage.branch for stage in run.dag.values() if stage.current}
    skipped = run.dag.skipped(asset) if branches else ()
    wrote = (run.dag[name] for name in skipped if run.dag[name].writes and run.dag[name].branch in branches)
    return [stage.name for stage in wrote if stage_manifest(stage.name, asset.asset_id, run)]


def is_current(stage: Stage, asset: Asset, manifest: Manifest | None) -> bool:
    """Tells whether what a stage has made of an asset is still true; also where there is nothing yet."""
    return manifest is None or stage.current is None or stage.current(asset, manifest.data)


def reasons(
    asset: Asset, outcome: Outcome | None, plan: str, run: TaskContext, catalog: Catalog, before: str | None
) -> list[str]:
    """Says why a run has work to do; `before` is the asset that the path showed until now, if another one."""
    if outcome is None:
        return ["changed" if before else "new"]
    if outcome.plan != plan:
        return _differences(
            made_of(catalog.engine, outcome.plan), plan_contents(run.options, models_read(run.dag, run.models))
        )
    if outcome.status in ("failed", "partial"):
        return [f"failed before: {error['type']} in {error['stage']}" for error in outcome.errors]
    if outcome.status != "complete":
        return [f"{outcome.status} before"]
    return ["the subtitles beside it have changed" if _beside_changed(asset, run) else "what was kept is missing"]


def _beside_changed(asset: Asset, run: TaskContext) -> bool:
    skipped = run.dag.skipped(asset)
    for stage in run.dag.values():
        manifest = stage_manifest(stage.name, asset.asset_id, run) if stage.current else None
        new = stage.current and stage.name not in skipped and manifest is None
        if new or (manifest and (stage.name in skipped or not is_current(stage, asset, manifest))):
            return True
    return False


def _differences(then: dict[str, Any] | None, now: dict[str, Any]) -> list[str]:
    if then is None:
        return ["options or models changed"]
    found = [
        f"{kind.removesuffix('s')} {name} changed: {then[kind].get(name)} -> {value}"
        for kind in ("options", "models")
        for name, value in now[kind].items()
        if then[kind].get(name) != value
    ]
    return found or ["stages work otherwise in this version"]


def _leaves(options: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    told = options.model_dump(mode="json")
    for name, value in options:
        if isinstance(value, BaseModel):
            yield from () if name == "models" else _leaves(value, f"{prefix}{name}.")
        elif name not in _NO_PART and not isinstance(value, SecretStr) and (name != "labels" or value):
            yield f"{prefix}{name}", told[name]
