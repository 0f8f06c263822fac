"""Which items a run has: what each path shows, and whether anything is left to do about it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import medley.errors
from medley.artifacts import Manifest
from medley.attached import attached_url
from medley.catalog import Catalog, Outcome
from medley.catalog.known import tag_assets
from medley.catalog.lookup import Lookup, looked_up
from medley.errors import BadInput, EncryptedPdf, MedleyError, MissingFile, TransientError
from medley.planning import manifests_of, wanted_stages
from medley.records import written
from medley.report import ItemReport, error_entry, stop_errors
from medley.run import TaskContext
from medley.sources.identify import identify, spooled
from medley.sources.urls import is_url
from medley.system.stop import STOP
from medley.types import Asset

_TOLD_AT_ONCE = 500


@dataclass(slots=True)
class Item:
    """A path of the run. With a `report` there is nothing to do; with `duplicate_of` another item does it."""

    path: str
    asset: Asset | None = None
    report: ItemReport | None = None
    duplicate_of: str | None = None
    gone: bool = False  #: nothing is there any more: what is kept of it is worked on

    @property
    def to_do(self) -> bool:
        """Whether a stage may have to run."""
        return self.report is None and self.duplicate_of is None


class SeenBuffer:
    """What the catalog is to hear of items that were identified: told some hundreds at a time, and at the run's end."""

    def __init__(self, catalog: Catalog, tags: Sequence[str]) -> None:
        self._catalog, self._tags = catalog, tags
        self._seen: dict[str, str] = {}

    def add(self, item: Item) -> Item:
        """Notes that the item's asset was seen at its path and gets the run's tags; returns the item."""
        if item.asset and not item.gone:
            self._seen[known_as(item.path)] = item.asset.asset_id
        if len(self._seen) >= _TOLD_AT_ONCE:
            self.flush()
        return item

    def flush(self) -> None:
        """Tells the catalog of all noted items of which the catalog has not been told yet."""
        if self._seen:
            self._catalog.record_seen(list(self._seen))
            tag_assets(self._catalog.engine, set(self._seen.values()), self._tags)
            self._seen.clear()


def known_as(path: str) -> str:
    """Returns the path's name in the catalog."""
    return path if is_url(path) else os.path.abspath(path)


def identify_items(
    paths: Sequence[str],
    flow: str,
    plan: str,
    catalog: Catalog,
    run: TaskContext,
    *,
    verify: bool,
    enough: Callable[[], bool] = lambda: False,
    keeps_gone: bool = False,
) -> Iterator[Item]:
    """Yields one item for each path, in the order of the paths; from when on there is `enough`, without a look.

    `keeps_gone`: a file that is not there any more is what it was when it was seen last.
    """
    first: dict[str, Item] = {}
    before: Lookup | None = None
    for path, known in looked_up(catalog, paths, [known_as(path) for path in paths], flow):
        if STOP.is_set() or enough():
            yield Item(path, report=_not_looked_at(path))
            continue
        before = _looked_up_ahead(known, before, run)
        item = _identified(path, plan, catalog, run, known, verify=verify, keeps_gone=keeps_gone)
        if item.asset and (earlier := first.get(item.asset.asset_id)):
            yield _same_as(earlier, path, item.asset)
            continue
        if item.asset:
            item.report = finished_report(path, item.asset, known.outcome(item.asset.asset_id), plan, run)
            first[item.asset.asset_id] = item
        yield item


def _identified(
    path: str, plan: str, catalog: Catalog, run: TaskContext, known: Lookup, *, verify: bool, keeps_gone: bool
) -> Item:
    """The asset at a path, or the report of why there is none."""
    try:
        return Item(path, identify(path, run.flow, catalog, run.limits, run.spool, verify=verify, lookup=known))
    except (BadInput, TransientError) as error:
        if keeps_gone and isinstance(error, MissingFile) and (asset := _as_it_was(path, known, run)):
            return Item(path, asset, gone=True)
        return Item(path, report=_refused(path, error, plan, catalog, run))


def _as_it_was(path: str, known: Lookup, run: TaskContext) -> Asset | None:
    """A file that is gone, as the catalog knows it."""
    place = known.location(known_as(path))
    media = known.media(place.asset_id) if place and place.asset_id else None
    if place is None or place.asset_id is None or media is None:
        return None
    where = spooled(place.asset_id, path, run.spool) if is_url(path) else place.path
    return Asset(place.asset_id, str(where), place.size_bytes or 0, media)


def _looked_up_ahead(known: Lookup, before: Lookup | None, run: TaskContext) -> Lookup:
    if known is not before and run.artifacts_url and not run.force:
        run.artifact_store.look_up(known.complete)
    return known


def _not_looked_at(path: str) -> ItemReport:
    """A path that comes after the run was stopped, or after its budget was used up."""
    return ItemReport(path, "cancelled", errors=stop_errors()) if STOP.is_set() else ItemReport(path, "pending")


def _same_as(earlier: Item, path: str, asset: Asset) -> Item:
    outcome = outcome_of_duplicate(path, earlier.path, earlier.report) if earlier.report else None
    return Item(path, asset, outcome, duplicate_of=earlier.path)


def outcome_of_duplicate(path: str, duplicate_of: str, first: ItemReport) -> ItemReport:
    """Builds the entry of a second path of the same content.

    Its outcome is that of the first path, but `unchanged` where the first one is complete.
    """
    status = "unchanged" if first.status == "complete" else first.status
    return replace(first, path=path, duplicate_of=duplicate_of, status=status, stages=[], seconds=0.0)


def finished_report(path: str, asset: Asset, outcome: Outcome | None, plan: str, run: TaskContext) -> ItemReport | None:
    """Returns the report of an asset with nothing left to do: done before, or failed before by its own fault.

    Returns None where something is left to do. `outcome` is what the catalog knows of the last attempt.
    """
    if run.retry_failed and outcome and outcome.status != "complete":
        return None
    if run.force or outcome is None or outcome.plan != plan:
        return None
    found = manifests_of(asset, run) if outcome.status == "complete" else {}
    opens = run.knows_password and any(error["type"] == EncryptedPdf.__name__ for error in outcome.errors)
    if opens or not (all(found.values()) if found else _is_kept(asset, outcome, run)):
        return None  # a password is no part of the plan: what it opens is the same
    report = ItemReport(path, "unchanged", asset.asset_id, asset.media.media_type, records=outcome.records)
    made = list(found.values()) if found else _made(asset, run)
    report.notes = _notes(asset, made)
    report.attached = attached_to(path, [name for one in made if one for name in one.data.get("attached", ())])
    if outcome.status == "complete":
        return report
    if outcome.status in ("failed", "partial") and all(is_input_fault(error["type"]) for error in outcome.errors):
        report.status = "failed" if outcome.status == "failed" else "partial"
        report.errors = outcome.errors
        return report
    return None


def _is_kept(asset: Asset, outcome: Outcome, run: TaskContext) -> bool:
    """Whether the outcome of a failure is still true: the records of what has not failed are in this store."""
    if outcome.status == "failed":
        return True  # there is nothing to miss
    failed = run.dag.branches_without(error["stage"] for error in outcome.errors)
    artifacts = run.artifact_store
    wanted = (stage for stage in wanted_stages(asset, run) if stage.writes and stage.branch not in failed)
    return all(written(artifacts, asset.asset_id, stage, run) for stage in wanted)


def records_of(asset: Asset, run: TaskContext) -> dict[str, int]:
    """Counts the records of an asset that are written, by modality."""
    artifacts = run.artifact_store
    writers = (stage for stage in wanted_stages(asset, run) if stage.writes)
    found = (written(artifacts, asset.asset_id, stage, run) for stage in writers)
    counted: Counter[str] = Counter()
    for manifest in found:
        counted.update(manifest.data["records"] if manifest else {})
    return dict(counted)


def notes_of(asset: Asset, run: TaskContext) -> list[str]:
    """Collects what is true of the file and no fault: the probe's notes, and those of stages in their manifests."""
    return _notes(asset, _made(asset, run))


def _made(asset: Asset, run: TaskContext) -> list[Manifest | None]:
    """The manifests of stages that are there, also of an asset that is not complete."""
    artifacts = run.artifact_store
    return [artifacts.find(asset.asset_id, stage, fingerprint) for stage, fingerprint in run.fingerprints.items()]


def _notes(asset: Asset, made: Iterable[Manifest | None]) -> list[str]:
    later = (note for manifest in made if manifest for note in manifest.data.get("notes", ()))
    return list(dict.fromkeys([*asset.media.notes, *later]))


def attached_to(path: str, names: Sequence[str]) -> list[str]:
    """Returns the URLs of the files of those names that are attached to the one at `path`."""
    return [attached_url(known_as(path), number, name) for number, name in enumerate(names, 1)]


def is_input_fault(error_type: str) -> bool:
    """Says whether an error of a type is the content's own fault, so that trying again changes nothing.

    That a file was not there, or was being written to, says nothing of what the file holds.
    """
    found = getattr(medley.errors, error_type, MedleyError)
    return isinstance(found, type) and issubclass(found, BadInput) and not issubclass(found, MissingFile)


def _refused(path: str, error: BadInput | TransientError, plan: str, catalog: Catalog, run: TaskContext) -> ItemReport:
    if is_url(path):
        error.file = path
    entry = error_entry(error)
    if isinstance(error, BadInput) and error.asset_id:
        catalog.record_outcomes({error.asset_id: ("failed", [entry], {})}, run.flow, plan, run.run_id)
    else:
        catalog.record_path_failure(known_as(path), entry)
    asset_id = error.asset_id if isinstance(error, BadInput) else ""
    return ItemReport(path, "failed", asset_id or None, errors=[entry])
