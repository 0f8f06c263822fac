"""What all stages share: ask the artifact store first, work, leave a manifest, say how it went."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import task_run
from prefect.states import Completed
from prefect.tasks import exponential_backoff

import actors
import medley
import tasks
from medley import __version__
from medley.artifacts import ArtifactStore, Draft, Manifest
from medley.code import code_of
from medley.errors import BadInput, CapacityError, MedleyError, SetupError, TransientError, error_class
from medley.records import stage_manifest, store_slot
from medley.run import TaskContext
from medley.stages import WRITE_STAGES
from medley.system.stop import raise_if_stopped
from medley.types import ArtifactRef, Asset, AssetBatch, Part, utc_now

logging.getLogger("medley").setLevel(logging.INFO)  # on Ray's workers nobody else does: notes go to the task's log
_RETRIES = 2
_BACKOFF_S = 2.0  # with the store's own wait for a connection: long enough for it to be started again


class StageTask(Task[..., Any]):
    """A task of a stage: its futures say which."""

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """As Prefect's own, with the stage's name as `stage` of the future."""
        future = super().submit(*args, **kwargs)
        future.stage = self.name
        return future


def stage_task(*, num_cpus: float, of: str) -> Callable[[Callable[..., Any]], StageTask]:
    """A Prefect task for a stage: retried when a retry can help, named after stage and file.

    `num_cpus` is what Ray reserves while it runs: 1 where it decodes, 0.1 where it waits for an actor or the store.
    `of` is the parameter that is the unit: its assets, or what the stage before made of them.
    """

    def decorate(function: Callable[..., Any]) -> StageTask:
        name = function.__name__
        made = StageTask(
            function,
            name=name,
            task_run_name=f"{name} · {{{of}.name}}",
            retries=_RETRIES,
            retry_delay_seconds=exponential_backoff(_BACKOFF_S),
            retry_jitter_factor=0.5,
            retry_condition_fn=_worth_retrying,
            cache_policy=NO_CACHE,
            persist_result=False,
        )
        made.ray_options = {"num_cpus": num_cpus}  # type: ignore[attr-defined]  # read by flows/services/ray_runner.py
        return made

    return decorate


Work = Callable[[Any, Draft], None]
BatchWork = Callable[[list[tuple[Any, Draft]]], None]
Skip = Callable[[Any], str]


def run_stage(
    stage: str, unit: AssetBatch, run: TaskContext, work: Work, skip: Skip | None = None
) -> State[AssetBatch]:
    """Does `work` for each part of `unit` whose artifact is not there. `skip` may say why there is nothing to do it on.

    A part that its own fault stops is noted as such, its neighbours go on; a unit of one fails as a whole, and so does
    any where a retry may help.
    """
    _require_same_code(run)
    parts = [_known_part(stage, source, run, skip) for source in unit.parts]
    for n, source in enumerate(unit.parts):
        if parts[n] is None:
            raise_if_stopped()
            parts[n] = _attempt(stage, source, run, work)
    return _stage_state(stage, parts)


def run_batch(stage: str, unit: AssetBatch, run: TaskContext, work: BatchWork) -> State[AssetBatch]:
    """Does `work` at once for all parts of `unit` whose artifact is not there.

    It fails or is done as a whole, but for assets in whose draft it leaves an error.
    """
    _require_same_code(run)
    parts = [_known_part(stage, source, run, None) for source in unit.parts]
    todo = [n for n, part in enumerate(parts) if part is None]
    if todo:
        sources = [unit.parts[n] for n in todo]
        for n, made in zip(todo, _make(stage, sources, run, work), strict=True):
            parts[n] = made
    return _stage_state(stage, parts)


def _require_same_code(run: TaskContext) -> None:
    """Raises SetupError on a node whose installation would make something else than the one that the run began with."""
    if run.code and run.code != (here := code_of(tasks, actors, medley)):
        what = f"Medley on {socket.gethostname()} is {__version__} ({here}), the run's is another one ({run.code})"
        raise SetupError(what, remedy="Install the same version on every node of the cluster, and start its Ray anew")


def _known_part(stage: str, source: Part, run: TaskContext, skip: Skip | None) -> ArtifactRef | None:
    """What is known of a part without any work; None where there is some to do."""
    reference = _reference(stage, _asset_of(source), run)
    if isinstance(source, ArtifactRef) and source.error:
        return replace(reference, error=source.error)
    why = source.skipped if isinstance(source, ArtifactRef) else skip(source) if skip is not None else ""
    if why:
        return replace(reference, skipped=why)
    if done := _done(stage, reference.asset.asset_id, run):
        notes = tuple(done.data.get("notes", ()))
        return replace(reference, cached=True, damage=done.data.get("damage", ""), notes=notes)
    return None


def _attempt(stage: str, source: Part, run: TaskContext, work: Work) -> ArtifactRef:
    try:
        return _make(stage, [source], run, lambda todo: work(*todo[0]))[0]
    except BadInput as error:
        return replace(_reference(stage, _asset_of(source), run), error=error)


def _make(stage: str, sources: Sequence[Part], run: TaskContext, work: BatchWork) -> list[ArtifactRef]:
    """The artifacts of `sources`, all or none of them; an error says where, when and how long."""
    references = [_reference(stage, _asset_of(source), run) for source in sources]
    began = time.monotonic()
    try:
        drafts = _drafts(stage, sources, run, work)
    except MedleyError as error:
        _place(error, references[0], time.monotonic() - began)
        if len(sources) == 1:
            error.file = error.file or references[0].asset.path
        raise
    seconds = (time.monotonic() - began) / len(sources)
    return [_made(reference, draft, seconds) for reference, draft in zip(references, drafts, strict=True)]


def _made(reference: ArtifactRef, draft: Draft, seconds: float) -> ArtifactRef:
    if draft.error:
        _place(draft.error, reference, seconds)
        draft.error.file = draft.error.file or reference.asset.path
        return replace(reference, error=draft.error)
    notes = tuple(draft.data.get("notes", ()))
    return replace(reference, seconds=round(seconds, 3), damage=draft.data.get("damage", ""), notes=notes)


def _place(error: MedleyError, reference: ArtifactRef, seconds: float) -> None:
    """Where in the run it happened."""
    error.stage, error.started, error.attempts = reference.stage, reference.started, reference.attempts
    error.seconds = round(seconds, 3)


def _drafts(stage: str, sources: Sequence[Part], run: TaskContext, work: BatchWork) -> list[Draft]:
    _raise_fault(stage, run)
    artifacts, slot = ArtifactStore(run.artifacts), _slot(stage, run)
    with contextlib.ExitStack() as opened:
        todo = []
        for source in sources:
            asset_id = _asset_of(source).asset_id
            draft = opened.enter_context(artifacts.create(asset_id, stage, slot, run.run_id))
            if isinstance(source, ArtifactRef):
                # handed on: the sound file is dropped, its manifest with it
                draft.data |= {"damage": source.damage, "notes": list(source.notes)}
            todo.append((source, draft))
        try:
            work(todo)
        except Exception as error:  # passed on, with its place: that is for the run's log, and a traceback stays here
            error.add_note(traceback.format_exc())
            raise
    return [draft for _, draft in todo]


def _stage_state(stage: str, parts: Sequence[ArtifactRef | None]) -> State[AssetBatch]:
    """The parts, within a state that says in Prefect how it went. Raises what stopped the only one."""
    known = [part for part in parts if part]
    failed = [part for part in known if part.error and part.error.stage == stage]
    if len(known) == 1 and failed and failed[0].error:
        raise failed[0].error
    name, message = "Completed", "" if len(known) == 1 else f"{len(known)} files"
    if failed:
        name, message = "Partial", f"{len(failed)} of {len(known)} failed: {failed[0].error}"
    elif all(part.skipped for part in known):
        name, message = "Skipped", known[0].skipped
    elif all(part.cached or part.skipped or part.error for part in known):
        name, message = "Cached", "done before"
    return Completed(name=name, message=message, data=AssetBatch(known))


def _asset_of(source: Part) -> Asset:
    return source if isinstance(source, Asset) else source.asset


def _done(stage: str, asset_id: str, run: TaskContext) -> Manifest | None:
    """The manifest of the stage's artifact where it counts: with --force only one that this run made."""
    manifest = stage_manifest(stage, asset_id, run)
    return manifest if manifest and (not run.force or manifest.run_id == run.run_id) else None


def _slot(stage: str, run: TaskContext) -> str:
    return store_slot(run.store.key) if stage in WRITE_STAGES else run.fingerprints[stage]


def _reference(stage: str, asset: Asset, run: TaskContext) -> ArtifactRef:
    directory = ArtifactStore(run.artifacts).directory(asset.asset_id, stage, _slot(stage, run))
    attempts: Any = task_run.run_count
    return ArtifactRef(
        asset, stage, run.fingerprints[stage], str(directory), started=utc_now(), attempts=int(attempts or 1)
    )


def _raise_fault(stage: str, run: TaskContext) -> None:
    if stage in run.faults:
        raise error_class(run.faults[stage])(f"fault set for tests in stage {stage}")


def _worth_retrying(task: Task[..., Any], task_run: Any, state: State[Any]) -> bool:
    """Only what the network, a worker or a lack of memory did: the file's and the set-up's faults stay."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, (TransientError, CapacityError))
