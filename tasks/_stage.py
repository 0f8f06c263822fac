"""What all stages share: ask the artifact store first, work, leave a manifest, say how it went."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import task_run
from prefect.states import Completed
from prefect.tasks import exponential_backoff

from medley.artifacts import ArtifactStore, Draft, Manifest
from medley.errors import CapacityError, MedleyError, TransientError, error_class
from medley.records import store_slot, written
from medley.run import Run
from medley.stages import STAGES
from medley.types import ArtifactRef, Asset, utc_now

logging.getLogger("medley").setLevel(logging.INFO)  # on Ray's workers nobody else does: notes go to the task's log
_RETRIES = 2
_BACKOFF_S = 2.0  # with the store's own wait for a connection: long enough for it to be started again


def stage_task(*, num_cpus: float, of: str) -> Callable[[Callable[..., Any]], Task[..., Any]]:
    """A Prefect task for a stage: retried when a retry can help, named after stage and file.

    `num_cpus` is what Ray reserves while it runs: 1 where it decodes, 0.1 where it waits for an actor or the store.
    `of` is the parameter that says which asset: `asset` itself or the artifact before.
    """

    def decorate(function: Callable[..., Any]) -> Task[..., Any]:
        name = function.__name__
        made: Task[..., Any] = task(
            name=name,
            task_run_name=f"{name} · {{{of}.name}}",
            retries=_RETRIES,
            retry_delay_seconds=exponential_backoff(_BACKOFF_S),
            retry_jitter_factor=0.5,
            retry_condition_fn=_worth_retrying,
            cache_policy=NO_CACHE,
            persist_result=False,
        )(function)
        made.ray_options = {"num_cpus": num_cpus}  # type: ignore[attr-defined]  # read by flows/_runner.py
        return made

    return decorate


def run_stage(
    stage: str, source: Asset | ArtifactRef, run: Run, work: Callable[[Draft], None], skip: str = ""
) -> ArtifactRef | State[ArtifactRef]:
    """Does `work` unless its artifact is there, or there is nothing to do it on (`skip` says why).

    Returns the reference of the artifact, within a Completed state named Cached or Skipped where nothing was done.
    """
    asset = source if isinstance(source, Asset) else source.asset
    reference = _reference(stage, asset, run)
    skip = skip or (source.skipped if isinstance(source, ArtifactRef) else "")
    if skip:
        return Completed(name="Skipped", message=skip, data=replace(reference, skipped=skip))
    if done := _done(stage, asset.asset_id, run):
        found = replace(reference, cached=True, damage=done.data.get("damage", ""))
        return Completed(name="Cached", message="done before", data=found)
    began = time.monotonic()
    try:
        draft = _make(stage, source, run, work)
    except MedleyError as error:
        error.stage, error.started, error.attempts = stage, reference.started, reference.attempts
        error.seconds = round(time.monotonic() - began, 3)
        error.file = error.file or asset.path
        raise
    return replace(reference, seconds=round(time.monotonic() - began, 3), damage=draft.data.get("damage", ""))


def _make(stage: str, source: Asset | ArtifactRef, run: Run, work: Callable[[Draft], None]) -> Draft:
    asset = source if isinstance(source, Asset) else source.asset
    _raise_fault(stage, run)
    with ArtifactStore(run.artifacts).create(asset.asset_id, stage, _slot(stage, run), run.run_id) as draft:
        if isinstance(source, ArtifactRef):
            draft.data["damage"] = source.damage  # handed on: the sound file is dropped, its manifest with it
        try:
            work(draft)
        except Exception as error:  # passed on, with its place: that is for the run's log, and a traceback stays here
            error.add_note(traceback.format_exc())
            raise
    return draft


def _done(stage: str, asset_id: str, run: Run) -> Manifest | None:
    """The manifest of the stage's artifact where it counts: with --force only one that this run made."""
    manifest = _manifest(stage, asset_id, run)
    return manifest if manifest and (not run.force or manifest.run_id == run.run_id) else None


def _manifest(stage: str, asset_id: str, run: Run) -> Manifest | None:
    known = STAGES[stage]
    artifacts = ArtifactStore(run.artifacts)
    if known.writes:
        return written(artifacts, asset_id, known.branch, run)
    if known.transient_for:
        reader = artifacts.find(asset_id, known.transient_for, run.fingerprints[known.transient_for])
        if reader is not None:
            return reader
    return artifacts.find(asset_id, stage, run.fingerprints[stage])


def _slot(stage: str, run: Run) -> str:
    return store_slot(run.store.key) if STAGES[stage].writes else run.fingerprints[stage]


def _reference(stage: str, asset: Asset, run: Run) -> ArtifactRef:
    directory = ArtifactStore(run.artifacts).directory(asset.asset_id, stage, _slot(stage, run))
    attempts: Any = task_run.run_count
    return ArtifactRef(
        asset, stage, run.fingerprints[stage], str(directory), started=utc_now(), attempts=int(attempts or 1)
    )


def _raise_fault(stage: str, run: Run) -> None:
    if stage in run.faults:
        raise error_class(run.faults[stage])(f"fault set for tests in stage {stage}")


def _worth_retrying(task: Task[..., Any], task_run: Any, state: State[Any]) -> bool:
    """Only what the network, a worker or a lack of memory did: the file's and the set-up's faults stay."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, (TransientError, CapacityError))
