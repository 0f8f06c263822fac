"""What going over to another generation of the index takes: which files, with which options, and what it lacks yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Engine, select

from medley.artifacts import ArtifactStore
from medley.attached import SCHEME
from medley.catalog.generations import Generation
from medley.catalog.known import made_of
from medley.catalog.reading import rows
from medley.catalog.tables import locations, outcomes
from medley.dag.pipeline import Pipeline
from medley.dag.registry import pipeline_named
from medley.errors import PipelineError
from medley.generations import has_option, nested
from medley.options import FileOptions
from medley.records import store_slot


@dataclass(frozen=True, slots=True)
class Group:
    """Files that were last worked on alike: by one pipeline with the same options. Paths go with their assets."""

    flow: str
    plan: str
    files: dict[str, str] = field(default_factory=dict)


def groups_of(engine: Engine, has_records: Callable[[str], bool]) -> list[Group]:
    """Groups all files; those that are attached to others come last.

    Of files that have failed only those that have records: `has_records` of their assets.
    """
    joined = locations.join(outcomes, locations.c.asset_id == outcomes.c.asset_id)
    columns = (locations.c.path, locations.c.asset_id, *(outcomes.c[name] for name in ("flow", "plan", "status")))
    told = select(*columns).select_from(joined).order_by(locations.c.path)
    found: dict[tuple[bool, str, str], Group] = {}
    for row in rows(engine, told):
        if row.status == "failed" and not has_records(row.asset_id):
            continue
        place = (row.path.startswith(f"{SCHEME}://"), row.flow, row.plan)
        found.setdefault(place, Group(row.flow, row.plan)).files[row.path] = row.asset_id
    return [found[place] for place in sorted(found)]


def options_in(
    pipeline: Pipeline, plan: str, engine: Engine, target: Generation, other: Generation | None
) -> FileOptions:
    """Builds the options of files in a generation: what they had, with what the generation has otherwise.

    What only the `other` generation has otherwise is at its default again.
    """
    known = made_of(engine, plan) or {}
    theirs = set(other.options or {}) if other else set[str]()
    leaves = {name: value for name, value in known.get("options", {}).items() if name not in theirs}
    wanted = {**leaves, **(target.options or {})}
    fitting = {name: value for name, value in wanted.items() if has_option(pipeline.options, name)}
    try:
        return pipeline.options.model_validate(nested(fitting))
    except ValidationError:  # noted by a version with other bounds
        own = {name: value for name, value in (target.options or {}).items() if name in fitting}
        return pipeline.options.model_validate(nested(own))


@dataclass(frozen=True, slots=True)
class Lacking:
    """A file of which a generation lacks records that the other one has, of these write stages."""

    path: str
    asset_id: str
    flow: str
    plan: str
    stages: tuple[str, ...]


def lacking(
    engine: Engine, artifacts: ArtifactStore, keys: tuple[str, str], target: Generation, other: Generation
) -> Iterator[Lacking]:
    """Yields the files of which `target` lacks what `other` has; `keys` are their stores', in that order.

    Stages that the options of `target` leave out are not missed.
    """
    mine, theirs = map(store_slot, keys)
    seen: dict[str, tuple[str, ...]] = {}
    for group in groups_of(engine, lambda asset_id: bool(artifacts.stages(asset_id, theirs))):
        try:
            pipeline = pipeline_named(group.flow)
        except PipelineError:
            continue  # of a package that is not here
        dag = pipeline.dag(options_in(pipeline, group.plan, engine, target, other))
        writers = {stage.name for stage in dag.values() if stage.writes}
        for path, asset_id in group.files.items():
            if asset_id not in seen:
                there = set(artifacts.stages(asset_id, theirs)) - set(artifacts.stages(asset_id, mine))
                seen[asset_id] = tuple(sorted(there))
            if missing := tuple(name for name in seen[asset_id] if name in writers):
                yield Lacking(path, asset_id, group.flow, group.plan, missing)


def as_groups(lacks: Sequence[Lacking]) -> list[Group]:
    """Groups what lacks something."""
    found: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for one in lacks:
        found[one.flow, one.plan][one.path] = one.asset_id
    return [Group(flow, plan, files) for (flow, plan), files in found.items()]


def sampled(groups: Sequence[Group], most: int) -> tuple[list[Group], float]:
    """Picks up to about `most` files, evenly; returns them with how many files each stands for."""
    total = sum(len(group.files) for group in groups)
    step = max(1, -(-total // most))
    picked, taken = list[Group](), 0
    for group in groups:
        files = dict(list(group.files.items())[::step])
        picked.append(Group(group.flow, group.plan, files))
        taken += len(files)
    return picked, total / taken if taken else 1.0


def told(options: Mapping[str, Any] | None) -> str:
    """Formats the options of a generation as a line."""
    return ", ".join(f"{name}={value}" for name, value in (options or {}).items()) or "the defaults"


def has_any_records(artifacts: ArtifactStore, key: str) -> bool:
    """Says whether anything has been written into the generation whose store is called `key`."""
    slot = store_slot(key)
    return any(artifacts.stages(asset_id, slot) for asset_id in artifacts.assets())
