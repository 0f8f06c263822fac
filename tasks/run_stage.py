"""What all stages share: ask the artifact store first, work, leave a manifest, say how it went."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from prefect.client.schemas.objects import State
from prefect.runtime import task_run
from prefect.states import Completed

import actors.resident  # noqa: F401  # says where models live
from medley import __version__
from medley.about import about_from_pairs
from medley.artifacts import ArtifactStore, Draft, Manifest
from medley.dag.fingerprints import model_of
from medley.dag.stage import Stage
from medley.errors import BadInput, MedleyError, SetupError, error_class
from medley.media.source import asset_here
from medley.planning import is_current
from medley.records import key_of, retire_branches, stage_manifest, store_slot
from medley.run import TaskContext
from medley.system.loading import STORE, waited_s
from medley.system.stop import raise_if_stopped
from medley.system.tracing import begin_tracing, span
from medley.types import ArtifactRef, Asset, AssetBatch, Part, utc_now
from tasks.code import code_of_run

logging.getLogger("medley").setLevel(logging.INFO)  # on Ray's workers nobody else does: notes go to the task's log
#: What a stage works on of one asset: the asset, or what each of the stages before has made of the asset; None in the
#: place of what is optional and was skipped.
Sources = tuple[Part | None, ...]


def run_stage(stage: Stage, batches: Sequence[AssetBatch | None], context: TaskContext) -> State[AssetBatch]:
    """Makes the artifacts of a stage that are not there yet; `batches` are what the stages before have made.

    A part that its own fault stops is noted as such, its neighbours go on; a batch of one fails as a whole, and so does
    any where a retry may help. A stage that works on whole batches fails or is done as a whole, but for assets in whose
    draft it leaves an error.
    """
    if context.trace:
        begin_tracing()
    sources = _sources(stage, batches)
    with span(f"stage {stage.name}", context.trace, run=context.run_id, files=len(sources)):
        return _run_stage(stage, sources, context)


def _sources(stage: Stage, batches: Sequence[AssetBatch | None]) -> list[Sources]:
    """What there is of each asset."""
    assert batches[0], "the first of what a stage takes is never optional"
    count, spared = len(batches[0].parts), [what in stage.optional for what in stage.takes] or [False] * len(batches)
    columns: list[Sequence[Part | None]] = []
    for batch, optional in zip(batches, spared, strict=True):
        parts: Sequence[Part | None] = batch.parts if batch else [None] * count
        skipped = (isinstance(part, ArtifactRef) and bool(part.skipped) and optional for part in parts)
        columns.append([None if gone else part for part, gone in zip(parts, skipped, strict=True)])
    return list(zip(*columns, strict=True))


def _run_stage(stage: Stage, sources: list[Sources], context: TaskContext) -> State[AssetBatch]:
    _require_same_code(context)
    parts = context.artifact_store.map(lambda of: _known_part(stage, of, context), sources)
    todo = [n for n, part in enumerate(parts) if part is None]
    if stage.whole_batch and todo:
        for n, made in zip(todo, _make(stage, [sources[n] for n in todo], context), strict=True):
            parts[n] = made
    elif todo:
        for n in todo:
            raise_if_stopped()
            parts[n] = _attempt(stage, sources[n], context)
    return _stage_state(stage, parts)


def _require_same_code(context: TaskContext) -> None:
    """Raises SetupError on a node whose installation would make something else than the one that the run began with."""
    if context.code and context.code != (here := code_of_run(context.dag)):
        what = f"Medley on {socket.gethostname()} is {__version__} ({here}), the run's is another one ({context.code})"
        raise SetupError(what, remedy="Install the same version on every node of the cluster, and start its Ray anew")


def _known_part(stage: Stage, sources: Sources, context: TaskContext) -> ArtifactRef | None:
    """What is known of a part without any work; None where there is some to do."""
    reference = _reference(stage, sources, context)
    made = [source for source in sources if isinstance(source, ArtifactRef)]
    if error := next((source.error for source in made if source.error), None):
        return replace(reference, error=error)
    why = next((source.skipped for source in made if source.skipped), "")
    if why := why or (stage.skips(reference.asset) if stage.skips else ""):
        retire_branches(reference.asset.asset_id, [stage.name], context)  # of a run with other options
        return replace(reference, skipped=why)
    if done := _done(stage, reference.asset, context):
        return replace(reference, cached=True, **_facts(done.data))
    return None


def _attempt(stage: Stage, sources: Sources, context: TaskContext) -> ArtifactRef:
    try:
        return _make(stage, [sources], context)[0]
    except BadInput as error:
        return replace(_reference(stage, sources, context), error=error)


def _make(stage: Stage, todo: Sequence[Sources], context: TaskContext) -> list[ArtifactRef]:
    """The artifacts of `todo`, all or none of them; an error says where, when and how long."""
    references = [_reference(stage, sources, context) for sources in todo]
    began = time.monotonic()
    try:
        drafts = _drafts(stage, todo, context)
    except MedleyError as error:
        _place(error, references[0], time.monotonic() - began)
        if len(todo) == 1:
            error.file = error.file or references[0].asset.path
        raise
    seconds = (time.monotonic() - began - _loading_s(stage, context, began)) / len(todo)
    return [_made(reference, draft, seconds) for reference, draft in zip(references, drafts, strict=True)]


def _loading_s(stage: Stage, context: TaskContext, began: float) -> float:
    """How long since then the stage's model was waited for, which was being loaded, or the store that it writes to."""
    model, ended = model_of(stage, context.models), time.monotonic()
    store_s = waited_s(STORE, began, ended) if stage.writes else 0.0
    return store_s + (waited_s(model.fingerprint, began, ended) if model else 0.0)


def _made(reference: ArtifactRef, draft: Draft, seconds: float) -> ArtifactRef:
    if draft.error:
        _place(draft.error, reference, seconds)
        draft.error.file = draft.error.file or reference.asset.path
        return replace(reference, error=draft.error)
    return replace(reference, seconds=round(seconds, 3), **_facts(draft.data))


def _facts(data: dict[str, Any]) -> dict[str, Any]:
    """What the flow's process wants to know of an artifact, of its manifest's data."""
    notes, records = tuple(data.get("notes", ())), data.get("records", {})
    about = about_from_pairs(data.get("about", ()))
    told = {"damage": data.get("damage", ""), "attached": tuple(data.get("attached", ()))}
    told["tokens"] = int(data.get("tokens", 0))
    return {**told, "notes": notes, "about": about, "records": records}


def _place(error: MedleyError, reference: ArtifactRef, seconds: float) -> None:
    """Where in the run it happened."""
    error.stage, error.started, error.attempts = reference.stage, reference.started, reference.attempts
    error.seconds = round(seconds, 3)


def _drafts(stage: Stage, todo: Sequence[Sources], context: TaskContext) -> list[Draft]:
    _raise_fault(stage, context)
    artifacts, slot = context.artifact_store, _slot(stage, context)
    wanted = [(_asset_of(sources).asset_id, stage.name, slot) for sources in todo]
    read = [key_of(source) for sources in todo for source in sources if isinstance(source, ArtifactRef)]
    with artifacts.hold(read), artifacts.create_all(wanted, context.run_id) as drafts, contextlib.ExitStack() as copies:
        here = [tuple(copies.enter_context(_here(source, artifacts)) for source in sources) for sources in todo]
        for sources, draft in zip(todo, drafts, strict=True):
            draft.data |= _handed_on(sources)
        try:
            _work(stage, here, drafts, context)
        except Exception as error:  # passed on, with its place: that is for the run's log, and a traceback stays here
            error.add_note(traceback.format_exc())
            raise
    return drafts


def _here(source: Part | None, artifacts: ArtifactStore) -> contextlib.AbstractContextManager[Part | None]:
    return asset_here(source, artifacts) if isinstance(source, Asset) else contextlib.nullcontext(source)


def _work(stage: Stage, todo: Sequence[Sources], drafts: Sequence[Draft], context: TaskContext) -> None:
    if stage.whole_batch:
        stage.work([(*sources, draft) for sources, draft in zip(todo, drafts, strict=True)], context)
    else:
        for sources, draft in zip(todo, drafts, strict=True):
            stage.work(*sources, draft, context)


def _handed_on(sources: Sources) -> dict[str, Any]:
    """Damage and notes of what a stage reads: the sound file is dropped, its manifest with it."""
    made = [source for source in sources if isinstance(source, ArtifactRef)]
    if not made:
        return {}
    damage = next((source.damage for source in made if source.damage), "")
    return {"damage": damage, "notes": list(dict.fromkeys(note for source in made for note in source.notes))}


def _stage_state(stage: Stage, parts: Sequence[ArtifactRef | None]) -> State[AssetBatch]:
    """The parts, within a state that says in Prefect how it went. Raises what stopped the only one."""
    known = [part for part in parts if part]
    failed = [part for part in known if part.error and part.error.stage == stage.name]
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


def _asset_of(sources: Sources) -> Asset:
    first = sources[0]
    assert first
    return first if isinstance(first, Asset) else first.asset


def _done(stage: Stage, asset: Asset, context: TaskContext) -> Manifest | None:
    """The manifest of the stage's artifact where it counts: with --force only one that this run made."""
    manifest = stage_manifest(stage.name, asset.asset_id, context)
    if not is_current(stage, asset, manifest):
        _forget_what_follows(stage, asset, context)
        return None
    return manifest if manifest and (not context.force or manifest.run_id == context.run_id) else None


def _forget_what_follows(stage: Stage, asset: Asset, context: TaskContext) -> None:
    """Removes the manifests of the stages behind one that runs again; this one's goes last, for a crash in between."""
    behind = {stage.name}
    for later in context.dag.values():
        if behind.intersection(later.after):
            behind.add(later.name)
    for name in reversed([*context.dag]):
        if name in behind:
            context.artifact_store.remove(asset.asset_id, name, _slot(context.dag[name], context))


def _slot(stage: Stage, context: TaskContext) -> str:
    return store_slot(context.store.key) if stage.writes else context.fingerprints[stage.name]


def _reference(stage: Stage, sources: Sources, context: TaskContext) -> ArtifactRef:
    asset, attempts = _asset_of(sources), int(task_run.run_count or 1)
    directory = context.artifact_store.directory(asset.asset_id, stage.name, _slot(stage, context))
    fingerprint = context.fingerprints[stage.name]
    return ArtifactRef(asset, stage.name, fingerprint, str(directory), started=utc_now(), attempts=attempts)


def _raise_fault(stage: Stage, context: TaskContext) -> None:
    if stage.name in context.faults:
        raise error_class(context.faults[stage.name])(f"fault set for tests in stage {stage.name}")
