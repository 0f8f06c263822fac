"""What stages have made of an asset, for somebody to read: transcript, pages, frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from medley.catalog import Catalog
from medley.catalog.known import made_of
from medley.catalog.reading import rows
from medley.catalog.tables import outcomes, stages
from medley.dag.pipeline import Dag
from medley.dag.registry import pipeline_named
from medley.dag.stage import Stage
from medley.errors import PipelineError
from medley.generations import nested
from medley.options import FileOptions
from medley.settings import Settings
from medley.speakers import Turn, spoken_by
from medley.transcript import segment_from
from medley.types import Segment

_DONE = ("completed", "cached")
_SKIPPED = "skipped"


def content_of(asset_id: str, catalog: Catalog, settings: Settings) -> dict[str, Any]:
    """Gathers what the stages of an asset export: `segments`, `frames`, `pages` and what pipelines of others add.

    Raises TransientError where an artifact cannot be had just now.
    """
    content: dict[str, Any] = {"segments": [], "frames": [], "shots": [], "on_screen": [], "chapters": [], "pages": []}
    artifacts = settings.artifact_store
    fingerprints = _fingerprints(asset_id, catalog)
    for dag, _ in dags_of(asset_id, catalog):
        for stage in dag.values():
            key = (asset_id, stage.name, fingerprints.get(stage.name, ""))
            if stage.export is None or not key[2] or artifacts.find(*key) is None:
                continue
            with artifacts.hold([key]) as [directory]:
                for name, found in stage.export(directory).items():
                    content[name] = content[name] + found if isinstance(content.get(name), list) else found
    return arranged(content)


def arranged(content: dict[str, Any]) -> dict[str, Any]:
    """Puts pages in their order; subtitles are the transcript where nothing was heard besides; says who speaks."""
    content["pages"].sort(key=lambda page: page["page"])
    content["segments"] = content["segments"] or content.get("subtitles", [])
    if turns := content.get("turns"):
        spoken = spoken_by(segments_of(content), [Turn(**turn) for turn in turns])
        content["segments"] = [asdict(segment) for segment in spoken]
    return content


def segments_of(content: dict[str, Any]) -> list[Segment]:
    """Builds the segments in a content."""
    return [segment_from(one) for one in content["segments"]]


def by_track(segments: Sequence[Segment]) -> dict[int, list[Segment]]:
    """Divides sentences by their tracks, the main one first."""
    found: dict[int, list[Segment]] = {}
    for segment in segments:
        found.setdefault(segment.track, []).append(segment)
    return found


def _fingerprints(asset_id: str, catalog: Catalog) -> dict[str, str]:
    """The fingerprint with which each stage of an asset was done last; none of stages that were skipped since."""
    done = select(stages.c.stage, stages.c.fingerprint, stages.c.state).where(stages.c.asset_id == asset_id)
    found = rows(catalog.engine, done.where(stages.c.state.in_((*_DONE, _SKIPPED))).order_by(stages.c.id))
    last = {row.stage: "" if row.state == _SKIPPED else row.fingerprint for row in found}
    return {stage: fingerprint for stage, fingerprint in last.items() if fingerprint}


def dags_of(asset_id: str, catalog: Catalog) -> Iterator[tuple[Dag, FileOptions]]:
    """Yields the stages of each pipeline that has worked on an asset, and the options that the pipeline had."""
    plans = select(outcomes.c.flow, outcomes.c.plan).where(outcomes.c.asset_id == asset_id)
    for row in rows(catalog.engine, plans):
        known = made_of(catalog.engine, row.plan)
        try:
            found = pipeline_named(row.flow)
            options = found.options.model_validate(nested(known["options"] if known else {}))
            yield found.dag(options), options
        except (PipelineError, ValueError):  # of a package that is not here, or of an older version
            continue


def stages_done(asset_id: str, catalog: Catalog) -> Iterator[tuple[Stage, str]]:
    """Yields the stages that were done for an asset, last and whose files are kept, with their fingerprints."""
    fingerprints = _fingerprints(asset_id, catalog)
    for dag, _ in dags_of(asset_id, catalog):
        for stage in dag.values():
            if not stage.transient and stage.name in fingerprints:
                yield stage, fingerprints[stage.name]
